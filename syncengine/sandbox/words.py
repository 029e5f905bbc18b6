"""Plain word lists from which names, addresses and texts are put together."""

FIRST_NAMES = (
    "Amelia", "Oliver", "Priya", "Samuel", "Zofia", "Kwame", "Isla", "Mateo", "Hannah", "Jiho", "Farah", "Lewis",
    "Ines", "Callum", "Nadia", "Tom", "Chloé", "Ravi", "Sinéad", "Björn", "Aisha", "George",
    "Lucía", "Yusuf", "Megan", "Noah",
)  # fmt: skip
LAST_NAMES = (
    "Hartley", "Okafor", "Lindqvist", "Patel", "Moreau", "Whitcombe", "Nowak", "Sanderson", "Ibrahim", "Castellano",
    "Fairweather", "O'Neill", "Takahashi", "Brennan", "Vance", "Müller", "Ashdown", "Kaur", "Pemberton", "Rossi",
    "Thornbury", "Iyer", "Delacroix", "Mbeki", "Winslow", "Garrity", "Holloway", "Eriksen", "Quigley", "Baptiste",
)  # fmt: skip
TRADES = (
    "Catering", "Joinery", "Interiors", "Logistics", "Gardens", "Foods", "Hotels", "Printing", "Motors", "Textiles",
    "Dental Practice", "Architects", "Books", "Electrical", "Stores", "Breweries", "Fitness", "Travel", "Studios",
)  # fmt: skip
SUPPLIES = (
    "Wholesale", "Packaging", "Energy", "Telecom", "Office Supplies", "Haulage", "Cleaning", "Insurance Brokers",
    "Mills", "Machine Hire", "Software", "Property", "Water", "Tooling", "Dairies", "Paper", "Metals", "Security",
)  # fmt: skip
STREETS = (
    "High Street", "Mill Lane", "Station Road", "Church Walk", "Victoria Terrace", "Quayside", "Orchard Way",
    "Market Place", "Foundry Yard", "Kingsway", "Bridge Street", "Elm Grove",
)  # fmt: skip
PLACES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "GB": (
        ("Bristol", "Avon", "BS1 4DJ"), ("Leeds", "West Yorkshire", "LS1 5HD"), ("Norwich", "Norfolk", "NR2 1TF"),
        ("Cardiff", "South Glamorgan", "CF10 1EP"),
        ("Perth", "Perth and Kinross", "PH1 5QB"), ("Exeter", "Devon", "EX4 3SR"),
    ),
    "IE": (
        ("Cork", "County Cork", "T12 W8KP"), ("Galway", "County Galway", "H91 E9D2"),
        ("Dublin", "Leinster", "D02 X285"), ("Limerick", "Munster", "V94 T9PX"),
        ("Kilkenny", "Leinster", "R95 N7KT"), ("Sligo", "Connacht", "F91 CY2N"),
    ),
    "US": (
        ("Portland", "Oregon", "97204"), ("Madison", "Wisconsin", "53703"), ("Burlington", "Vermont", "05401"),
        ("Asheville", "North Carolina", "28801"), ("Boulder", "Colorado", "80302"), ("Savannah", "Georgia", "31401"),
    ),
}  # fmt: skip
MEMOS = (
    "Thank you for your custom.",
    "Delivered as agreed; please quote the number with your payment.",
    "Goods remain ours until paid in full.",
    "Second delivery follows next week.",
    "Agreed by telephone with your office.",
    "",
)
EXPENSE_TEXTS = (
    ("Train to customer", "travel"), ("Team lunch", "meals"), ("Printer paper", "office"), ("Parking", "travel"),
    ("Trade fair ticket", "events"), ("Mobile top-up", "telephone"), ("Hotel, one night", "travel"),
    ("Postage", "office"),
)  # fmt: skip
TASKS = ("Design", "Site visit", "Assembly", "Customer support", "Stocktake", "Training", "Quotation", "Quality check")
