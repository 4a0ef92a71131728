"""SNOMED CT codes of the diagnoses in PhysioNet's challenges of 2020 and 2021."""

CHAPMAN = {
    "426177001": "SB",
    "164889003": "AFIB",
    "164890007": "AF",
    "426761007": "SVT",
    "713422000": "AT",
    "17366009": "SAAWR",
    "427084000": "ST",
    "251166008": "AVNRT",
    "233897008": "AVRT",
    "426783006": "SR",
    "427393009": "SA",
}
"""Code -> rhythm as `Diagnostics.csv` abbreviates it, after `dx_mapping_scored.csv` and
`dx_mapping_unscored.csv` of the Challenge 2021. Their counts of Chapman-Shaoxing are those of
Zheng et al. 2020 rhythm by rhythm, but for SA, which the challenge left out."""

CPSC2018 = {
    "426783006": "Normal",
    "164889003": "AF",
    "270492004": "I-AVB",
    "164909002": "LBBB",
    "59118001": "RBBB",
    "284470004": "PAC",
    "164884008": "PVC",
    "429622005": "STD",
    "164931005": "STE",
}
"""Code -> class of CPSC 2018 (Challenge 2020)."""


def first_known(codes, table):
    """What `table` says of the first code that it has; None if it has none of them."""
    return next((table[code] for code in codes if code in table), None)
