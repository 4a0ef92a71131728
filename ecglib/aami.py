"""Heart-beat classes of ANSI/AAMI EC57 and record lists of two databases.

Sources: ANSI/AAMI EC57 (mapping of annotation symbols to classes), de Chazal et al. 2004
(the inter-patient split DS1/DS2), the MIT-BIH Arrhythmia Database Directory (identities).
SVDB has no published split: of the 58 records that were at hand, every other one is on either
side.
"""

CLASSES = ("N", "S", "V")
"""Classes that networks predict; a label is an index into this tuple."""

AAMI_CLASSES = (*CLASSES, "F", "Q")
"""All five AAMI classes; the first three are `CLASSES`, so their indices are the same."""

_SYMBOLS_OF_CLASS = {"N": "NLRBej", "S": "AaJSn", "V": "VEr", "F": "F", "Q": "/fQ?"}

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

SVDB_DEV = (
    802, 804, 806, 808, 811, 821, 823, 826, 828, 840, 842, 844, 848, 851, 853,
    856, 861, 863, 865, 867, 869, 872, 875, 878, 880, 887, 889, 891, 893,
)  # fmt: skip
"""Records of the MIT-BIH Supraventricular Arrhythmia Database on which choices are made."""

SVDB_TEST = (
    803, 805, 807, 810, 820, 822, 824, 827, 829, 841, 843, 846, 850, 852, 854,
    858, 862, 864, 866, 868, 870, 873, 876, 879, 884, 888, 890, 892, 894,
)  # fmt: skip
"""Records of that database on which they are tested; 20 more are kept back."""

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
