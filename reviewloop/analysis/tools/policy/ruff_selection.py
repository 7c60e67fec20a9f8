"""Which of ruff's rules are run at all; what they mean to us is in the other pages here."""

_FAMILIES = (
    *("F", "E711", "E712", "E713", "E714", "E721", "E722", "E741", "E742", "E743", "E902"),
    *("B", "S", "BLE", "T10", "PLE", "PLW", "PLR01", "PLR02", "PLR09", "PLR1704", "PLR1708"),
    *("SIM1", "SIM2", "C90", "LOG", "G1", "G2", "PERF", "ASYNC", "C4", "PT", "TRY002", "TRY203"),
    *("EXE003", "EXE004", "EXE005", "PLC0206", "PLC0207", "PLC0208", "PLC0414", "PLC1802"),
)
RUF = (
    *("RUF006", "RUF008", "RUF009", "RUF015", "RUF016", "RUF017", "RUF018", "RUF024", "RUF026"),
    *("RUF030", "RUF032", "RUF033", "RUF034", "RUF040", "RUF048", "RUF049", "RUF053", "RUF060"),
    *("RUF064", "RUF068", "RUF200"),
)
OFF = frozenset(
    {
        *("S101", "S603", "S606", "S607"),  # asserts; commands without a shell
        *("F405", "C408", "PLR0917"),  # said once by F403; taste; PLR0913 says it
        *("B009", "B010", "B028", "B905", "B911", "B912"),
        *("PLW2901", "PLW3201", "PLW1514", "PLW0717", "PLR0202", "PLR0203", "PLR0402"),
        *("SIM105", "SIM108", "SIM112", "SIM117", "PERF203"),
        *("PT001", "PT002", "PT003", "PT006", "PT007", "PT009", "PT013", "PT021", "PT022"),
        *("PT023", "PT027", "PT029", "ASYNC401"),
    }
)
OFF_PREFIXES = ("S40", "S41")  # importing something is not yet doing something

RUFF_SELECTION = ("--select", ",".join((*_FAMILIES, *RUF)), "--ignore", ",".join(sorted(OFF)))
