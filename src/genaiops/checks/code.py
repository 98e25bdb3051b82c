"""Code where none should be: statements of SQL, commands of a shell, calls that run what they are given.

Kinds say what it could do, so that a rule may refuse `sql_destructive` and let `code_fence` pass.
"""

from typing import Final

from genaiops.checks.scanning import Pattern

FAMILY: Final = "code"
_SQL: Final = "ISO/IEC 9075-2"
_POSIX: Final = "POSIX.1-2024, Shell and Utilities"
_PYTHON: Final = "docs.python.org/3/library"
_NAME: Final = r"[\w.\"\x60\[\]]{1,128}"
_S: Final = r"\s{1,8}"
_ARGUMENTS: Final = r"[^\n;|&]{0,200}"


def _row(kind: str, title: str, regex: str, source: str, *, left: str = r"\w", right: str = "") -> Pattern:
    return Pattern(kind=kind, family=FAMILY, regex=regex, left=left, right=right, title=title, source=source)


PATTERNS: Final[tuple[Pattern, ...]] = (
    _row(
        "sql_destructive",
        "SQL that destroys",
        rf"(?i)drop{_S}(?:table|database|schema|view|index|user|role|column){_S}(?:if{_S}exists{_S})?{_NAME}"
        rf"|truncate{_S}table{_S}{_NAME}"
        rf"|delete{_S}from{_S}{_NAME}(?:\s{{0,8}};|{_S}where{_S}(?:1\s{{0,4}}=\s{{0,4}}1|true))"
        rf"|update{_S}{_NAME}{_S}set{_S}{_NAME}\s{{0,8}}=[^;\n]{{1,200}}where{_S}(?:1\s{{0,4}}=\s{{0,4}}1|true)",
        _SQL,
    ),
    _row(
        "sql_injection",
        "SQL in a value",
        rf"(?i)['\"]\s{{0,8}}(?:or|and){_S}['\"]?\w{{1,16}}['\"]?\s{{0,8}}=\s{{0,8}}['\"]?\w{{1,16}}['\"]?\s{{0,8}}(?:--|#|;)"
        rf"|['\"\d)]\s{{0,8}}union{_S}(?:all{_S})?select{_S}"
        rf"|['\")]\s{{0,8}};\s{{0,8}}(?:drop|delete|update|insert|alter|exec){_S}"
        r"|(?:sleep|benchmark|pg_sleep|waitfor\s{1,8}delay)\s{0,4}\(?['\"]?\d{1,9}['\"]?\)?\s{0,8}(?:--|#)",
        "owasp.org/www-community/attacks/SQL_Injection",
        left="",
    ),
    _row(
        "sql",
        "SQL statement",
        rf"(?i)select{_S}(?:distinct{_S})?(?:\*|{_NAME}(?:\s{{0,4}}\([^)\n]{{0,64}}\))?(?:{_S}as{_S}\w{{1,64}})?"
        rf"(?:\s{{0,4}},\s{{0,4}}[^\n;]{{1,200}}?)?){_S}from{_S}{_NAME}(?:{_S}(?:where|join|inner|left|group|order|limit)"
        rf"\b|\s{{0,8}};)|select\s{{1,8}}\*\s{{1,8}}from{_S}{_NAME}"
        rf"|insert{_S}into{_S}{_NAME}\s{{0,8}}(?:\([^)]{{1,400}}\)\s{{0,8}})?(?:values\s{{0,8}}\(|select{_S})"
        rf"|update{_S}{_NAME}{_S}set{_S}{_NAME}\s{{0,8}}=|delete{_S}from{_S}{_NAME}{_S}where\b"
        rf"|(?:create|alter){_S}(?:or{_S}replace{_S})?(?:temp(?:orary)?{_S})?(?:table|view|index|function|database)"
        rf"{_S}(?:if{_S}not{_S}exists{_S})?{_NAME}\s{{0,8}}(?:\(|as\b|add\b|drop\b)"
        rf"|grant{_S}(?:all|select|insert|update|delete)\b[^;\n]{{0,120}}\bto{_S}\w",
        _SQL,
    ),
    _row(
        "shell_destructive",
        "Shell command that destroys",
        rf"rm{_S}(?:-[A-Za-z-]{{1,24}}{_S}){{0,4}}-(?:[A-Za-z]{{0,4}}[rRf][A-Za-z]{{0,4}}|-recursive|-force){_S}[^\s;|&]{{1,200}}"
        rf"|dd{_S}{_ARGUMENTS}of=/dev/\w{{1,32}}|mkfs(?:\.\w{{1,8}})?{_S}{_ARGUMENTS}/dev/\w{{1,32}}"
        rf"|shred{_S}{_ARGUMENTS}|>\s{{0,4}}/dev/(?:sd|nvme|vd|hd)\w{{1,16}}|:\(\)\s{{0,4}}\{{\s{{0,4}}:\|:&\s{{0,4}}\}};:"
        rf"|chmod{_S}(?:-R{_S})?0?777{_S}/|chown{_S}-R{_S}[\w:]{{1,32}}{_S}/(?:\s|$)"
        rf"|find{_S}{_ARGUMENTS}{_S}-delete\b|git{_S}(?:reset{_S}--hard|clean{_S}-[a-z]{{0,3}}f|push{_S}{_ARGUMENTS}--force)"
        rf"|kubectl{_S}delete{_S}{_ARGUMENTS}|terraform{_S}destroy\b|docker{_S}system{_S}prune\b",
        _POSIX,
        left=r"\w.-",
    ),
    _row(
        "shell_windows_destructive",
        "Windows command that destroys",
        rf"(?i)(?:del|erase|rd|rmdir){_S}(?:/[a-z]{_S}){{1,4}}[^\s;|&]{{1,200}}|format{_S}[a-z]:"
        rf"|remove-item{_S}{_ARGUMENTS}-recurse|vssadmin{_S}delete{_S}shadows|reg{_S}delete{_S}HK\w{{2,24}}",
        "learn.microsoft.com/windows-server/administration/windows-commands",
    ),
    _row(
        "fetch_and_run",
        "Fetched code that is run",
        rf"(?:curl|wget|fetch){_S}[^\n|]{{1,300}}\|\s{{0,4}}(?:sudo{_S}(?:-\w{{1,4}}{_S})?)?(?:ba|z|da|k|c)?sh\b"
        rf"|(?:curl|wget){_S}[^\n|]{{1,300}}\|\s{{0,4}}(?:sudo{_S})?(?:python[0-9.]{{0,4}}|perl|ruby|node|php)\b"
        rf"|(?:ba|z)?sh{_S}(?:-c{_S})?[\"']?(?:<\(|\$\(|\x60)\s{{0,4}}(?:curl|wget){_S}[^\n)]{{1,300}}"
        rf"|base64{_S}(?:-d|-D|--decode)[^\n|]{{0,100}}\|\s{{0,4}}(?:ba|z)?sh\b"
        r"|(?i:iex|invoke-expression)[\s(]{1,8}[^\n]{0,100}(?i:downloadstring|invoke-webrequest|iwr\b|irm\b)"
        rf"|(?i:powershell(?:\.exe)?){_S}[^\n]{{0,100}}-(?i:e|enc|encodedcommand){_S}[A-Za-z0-9+/=]{{16,400}}",
        "attack.mitre.org/techniques/T1059",
    ),
    _row(
        "reverse_shell",
        "Shell for somebody else",
        rf"/dev/(?:tcp|udp)/[\w.-]{{1,128}}/\d{{1,5}}|n(?:c|cat){_S}[^\n;]{{0,100}}-[a-z]{{0,3}}[ec]{_S}\S{{1,64}}"
        r"|socket\.socket\([^)\n]{0,100}\)[^\n]{0,200}(?:dup2|subprocess)|mkfifo\s{1,8}/tmp/\w{1,32}\s{0,4};",
        "attack.mitre.org/techniques/T1059/004",
        left="",
    ),
    _row(
        "dangerous_call",
        "Call that runs what it is given",
        r"os\.(?:system|popen|exec[lv]p?e?|spawn[lv]p?e?)\s{0,4}\(|subprocess\.(?:run|call|Popen|check_output|check_call|getoutput)"
        r"\s{0,4}\(|(?:__import__|importlib\.import_module)\s{0,4}\(|(?:pickle|marshal|dill|yaml)\.(?:loads?|unsafe_load)\s{0,4}\("
        r"|child_process\b|(?:exec|spawn)Sync\s{0,4}\(|Runtime\.getRuntime\(\)\.exec\s{0,4}\(|shell_exec\s{0,4}\("
        r"|(?:eval|exec|assert|passthru|proc_open)\s{0,4}\(\s{0,4}[\w$\"'\x60(\[]|new\s{1,4}Function\s{0,4}\("
        r"|document\.(?:cookie|write\s{0,4}\()|\.innerHTML\s{0,4}=|ProcessBuilder\s{0,4}\(|unserialize\s{0,4}\(",
        "cwe.mitre.org/data/definitions/94.html",
        left=r"\w.",
    ),
    _row(
        "template_injection",
        "Template that reaches its interpreter",
        r"\{\{[^}\n]{0,200}(?:__class__|__mro__|__subclasses__|__globals__|config\.items|self\.__init__)[^}\n]{0,200}\}\}"
        r"|\$\{(?:jndi|T\(java|Runtime)[^}\n]{0,200}\}|<%=?[^%\n]{1,200}%>",
        "owasp.org/www-project-web-security-testing-guide",
        left="",
    ),
    _row(
        "code_fence",
        "Block of code",
        r"(?:\x60{3}|~{3})[ \t]{0,4}[A-Za-z][\w+#.-]{0,24}[^\n\x60]{0,80}\n",
        "spec.commonmark.org/0.31.2, section 4.5",
        left=r"\x60~",
    ),
)
