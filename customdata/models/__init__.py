from customdata.models.custom_data_type import CustomDataType
from customdata.models.custom_field import CustomField, FieldCoverage, FieldMapping, FieldMappingChange
from customdata.models.raw_record import RawRecord
from customdata.models.supplemental_data import SupplementalData

__all__ = [
    "CustomDataType",
    "CustomField",
    "FieldCoverage",
    "FieldMapping",
    "FieldMappingChange",
    "RawRecord",
    "SupplementalData",
]
