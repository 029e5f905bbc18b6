from syncengine.datatypes import DATA_TYPES
from syncengine.validation.model import PLAIN_KINDS, Member, record_shape


def test_every_type_of_the_catalogue_has_a_shape_but_item_receipts():
    assert {key for key in DATA_TYPES if record_shape(key) is None} == {"itemReceipts"}
    assert record_shape("custom/x") is None


def test_members_are_read():
    members = record_shape("customers").members

    assert members["customerName"] == Member("text")
    assert members["status"] == Member("word", required=True, words=("Unknown", "Active", "Archived"))
    assert (members["addresses"].kind, members["addresses"].is_list) == ("object", True)
    assert members["addresses"].shape.members["line1"] == Member("text")


def test_a_shape_may_hold_itself():
    line = record_shape("balanceSheet").members["reports"].shape.members["assets"].shape

    assert line.members["items"].shape is line


def test_no_shape_holds_what_the_engine_keeps_beside_the_record():
    for data_type in DATA_TYPES:
        shape = record_shape(data_type)
        assert shape is None or not {"modifiedDate", "sourceModifiedDate", "metadata"} & set(shape.members)


def test_every_kind_is_known():
    for data_type in DATA_TYPES:
        shape = record_shape(data_type)
        for member in shape.members.values() if shape else ():
            assert member.kind in PLAIN_KINDS | {"word", "object"}
