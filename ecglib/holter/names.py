"""What the name and the unit of a signal say: which lead, another ECG, or no ECG."""

import re
import unicodedata

from ecglib.holter.recording import millivolts

LEAD_II, ECG, UNKNOWN, OTHER = range(4)
"""What a signal is by its name and unit, from the most welcome on; `OTHER` is no ECG."""

_ECG = re.compile(r"(ecg|ekg|ele[ck]tro[ck]ardiogra[a-z]*)(.*)")
_FILLING = {
    "lead", "leads", "ableitung", "derivation", "derivacion", "derivazione", "mdc", "modified",
    "mod", "elec", "potl", "channel", "chan", "ch", "kanal", "limb", "chest", "signal", "raw",
    "filtered", "mv", "uv", "abl", "standard", "ref",
}  # fmt: skip
_LEAD_WORDS = {"lead", "leads", "ableitung", "derivation", "derivacion", "derivazione"}
_II = re.compile(r"2?(m?l|d)?ii|ml2|d2|l2|rall|llra")
_LEADS = re.compile(
    r"(m?l|d)?i(ii)?|(ml|d)[13]|a?v[rlf]|m?v\d{0,2}[rl]?|v[xyz]|mcl\d?|c[mcbs]\d{0,2}|"
    r"[ae]s|ai|lara|rala|llla|lall|mlv\d"
)
_NO_ECG = re.compile(
    r"resp\w*|breath\w*|imp|impedance|thor\w*|abd\w*|flow|nasal|airflow|effort|snore|belt|"
    r"abp\d?|art|pap|cvp|icp|rap|lap|bp\d?|nibp|p\d|pressure|ppg\w*|pleth\w*|spo2|sao2|o2|sat|"
    r"co2|etco2|eeg\w*|eog\w*|emg\w*|chin\w*|leg|temp\w*|acc\w*|gyr\w*|mag|noise|rausch\w*|"
    r"mark\w*|event\w*|trig\w*|button|status|sync|annot\w*|pulse|hr|heart|position|"
    r"light|battery|quality|loc|roc|e[12]|tib\w*|body\w*|pace\w*|legs|\w+flow|\w+eye|eda|gsr|"
    r"scr|bvp|ptt|scg|pcg|bcg|edr|seismo\w*|phono\w*|heartrate|hrv|rri?|qrs|ir|red|toco|uc|"
    r"uterus|cal|calibration|stat|vth|vab|paw|awp|uap|sv"
)
_EEG = re.compile(r"(fp|af|f|fc|c|cp|ft|t|tp|p|po|o)(z|\d{1,2})|[am][12]")
_NO_UNIT = ("", "nu", "adu", "adc", "count", "counts", "raw", "na", "none", "undef", "lsb", "1")


def plain(name):
    """A name as it is compared: "II" for any spelling of lead II, else letters and digits.

    Examples
    --------
    >>> [plain(name) for name in ("MLII", "ecg lead II,", "MDC_ECG_LEAD_II", "Lead 2", "V5,")]
    ['II', 'II', 'II', 'II', 'v5']
    """
    return _parts(name)[0]


def kind_of(signal):
    """What a signal is by its name and unit.

    Parameters
    ----------
    signal : ecglib.holter.recording.Signal

    Returns
    -------
    int
        `LEAD_II`; `ECG`, another lead or what is called an ECG; `UNKNOWN`, a voltage (or a
        signal without any unit) whose name says nothing; or `OTHER`.
    """
    core, says_ecg, other = _parts(signal.name)
    voltage = millivolts(signal.unit) is not None
    unit = re.sub(r"[\s./()\[\]]", "", signal.unit.lower())
    if other or not (voltage or unit in _NO_UNIT):
        return OTHER
    if core == "II":
        return LEAD_II
    if says_ecg or _LEADS.fullmatch(core):
        return ECG
    return UNKNOWN if voltage or not unit else OTHER


def _parts(name):
    """Plain name, whether it says that the signal is an ECG, and whether that it is none."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    words = re.findall(
        r"[a-z0-9]+", "".join(c for c in letters if not unicodedata.combining(c))
    )
    ecg, core = not _LEAD_WORDS.isdisjoint(words), []
    for word in words:
        if match := _ECG.fullmatch(word):
            ecg, word = True, match[2]
        if word and word not in _FILLING:
            core.append(word)
    other = any(_NO_ECG.fullmatch(word) for word in words)
    joined = "".join(core)
    if _II.fullmatch(joined) or (joined == "2" and not _LEAD_WORDS.isdisjoint(words)):
        return "II", True, other
    scalp = not ecg and core and all(_EEG.fullmatch(word) for word in core)
    joined = joined or ("ecg" if ecg else "".join(words))
    return joined, ecg, other or bool(scalp)
