"""Heart-beat classes of ANSI/AAMI EC57 and the record lists of the MIT-BIH database.

Sources: ANSI/AAMI EC57 (mapping of annotation symbols to classes), de Chazal et al. 2004
(the inter-patient split DS1/DS2), the MIT-BIH Arrhythmia Database Directory (identities).
"""

CLASSES = ("N", "S", "V")
"""Classes that networks predict; a label is an index into this tuple."""

AAMI_CLASSES = (*CLASSES, "F", "Q")
"""All five AAMI classes; the first three are `CLASSES`, so their indices are the same."""

_SYMBOLS_OF_CLASS = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}

SYMBOL_TO_AAMI = {
    symbol: aami for aami, symbols in _SYMBOLS_OF_CLASS.items() for symbol in symbols
}
"""WFDB annotation symbol -> AAMI class. A symbol that is not a key is not a beat."""

PACED = (102, 104, 107, 217)
"""Records with paced beats, which EC57 excludes."""

DS1 = (
    101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122,
    124, 201, 203, 205, 207, 208, 209, 215, 220, 223, 230,
)  # fmt: skip
"""Training records of the inter-patient split (de Chazal et al. 2004)."""

DS2 = (
    100, 103, 105, 111, 113, 117, 121, 123, 200, 202, 210,
    212, 213, 214, 219, 221, 222, 228, 231, 232, 233, 234,
)  # fmt: skip
"""Test records of the inter-patient split (de Chazal et al. 2004)."""

DS1_VAL = (118, 124, 207, 223)
"""Records of DS1 on which settings are chosen; they contain beats of every class."""

DS1_FOLDS = tuple(DS1[start::4] for start in range(4))
"""DS1 in four groups of patients for cross-validation; each has every fourth record."""

_SAME_PATIENT = {202: 201}


def patient_of(record):
    """Patient of a record; records 201 (in DS1) and 202 (in DS2) are from the same man.

    Parameters
    ----------
    record : int
        MIT-BIH record number.

    Returns
    -------
    int
        Number of the patient's first record.

    Examples
    --------
    >>> patient_of(202), patient_of(100)
    (201, 100)
    """
    return _SAME_PATIENT.get(record, record)
