//! The forms of secrets, in the order in which they are redacted: the longest and most certain
//! first.
//!
//! No pattern can scan far ahead and then match little, over and over: that would take time in the square of the text's length.

use std::sync::OnceLock;

use super::form::{Form, Reach, form, token};
use super::predicates::{always, is_no_state, is_no_word, is_random};

/// The names of what is secret; a password also in the languages in which teams write their runbooks.
macro_rules! name {
    () => {
        concat!(
            r"(?:pass(?:wor[dt]|wd|phrase|code)|[_-]pass|requirepass|masterauth|pwd|secret|token|credentials?",
            r"|(?:api|app|access|account|auth|client|encryption|license|master|private|secret|service|shared|signing|webhook)",
            r"[_ -]?(?:access[_ -]?)?key(?:[_ -]?id)?",
            r"|kennwort|contrase(?:ñ|n)a|mot[_ ]de[_ ]passe|senha|[Пп]ароль|密码|密碼|口令|パスワード)",
            r"(?:[_-]?(?:value|data|hash|[0-9]{1,2}))?"
        )
    };
}

/// A value in one of the quotes, also escaped, or without: then up to a space, a quote, a separator or a closing bracket.
macro_rules! value {
    () => {
        concat!(
            r#"(?:(?:\[[ \t]*)?(?:\\+["']([^"'\\\r\n]+)|"((?:[^"\\\r\n]|\\[^\r\n])+)|'([^'\r\n]+)|`([^`\r\n]+))"#,
            r#"|((?:[^\s"'`;,&<>\\]|\\[^nrt"'`\s])*(?:[^\s"'`;,&<>\\)}\].]|\\[^nrt"'`\s])))"#
        )
    };
}

/// The separator of a name and its value: in assignments, headers, JSON, YAML and its blocks,
/// Ruby's hashes, XML, and in the parameter of a URL.
macro_rules! sign {
    () => {
        r#"(?:\\*["'])?\]?(?:[ \t]*(?::=|=>|[=:：＝])[ \t]*(?:[|>][+-]?[ \t]*\r?\n[ \t]+)?|>|%3[ad])"#
    };
}

/// Two slashes, as some serialisers escape them.
macro_rules! slashes {
    () => {
        r"(?:\\?/){2}"
    };
}

pub(super) static FORMS: [Form; 35] = [
    // RFC 7468; without its end, because the text was cut, all that follows may belong to the key.
    Form {
        words: &["private key"],
        pattern: r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----([\s\S]+?)(?:-----END|\z)",
        looks_secret: always,
        reach: Reach::Rest,
        compiled: OnceLock::new(),
    },
    // Passwords in connection strings are often not percent-encoded: up to the last @.
    form(
        &["://", r":\/\/"],
        concat!(
            r"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|valkey|amqps?",
            r"|mssql|sqlserver|clickhouse|kafka|nats|ldaps?|smtps?|s?ftps?)",
            r"(?:\+[a-z0-9]+)?:",
            slashes!(),
            r#"[^\s:/@"'<>]*:([^\s"'<>,;]+)@"#
        ),
        always,
    ),
    // A token in place of the user, as code hosts and Sentry's DSN take it. Nobody's login is that long.
    form(
        &["://", r":\/\/"],
        concat!(
            ":",
            slashes!(),
            r#"([^\s/?#:@"'<>]{16,})(?::[^\s/?#@"'<>]*)?@"#
        ),
        always,
    ),
    form(
        &["://", r":\/\/"],
        concat!(":", slashes!(), r#"[^\s/?#:@"'<>]*:([^\s/?#"'<>]+)@"#),
        always,
    ),
    form(
        &["%3a%2f%2f"],
        r#"(?i)%3a%2f%2f[^\s%/]*%3a([^\s&"'<>]+?)%40"#,
        always,
    ),
    // The Go driver's form for MySQL, and Oracle's for JDBC.
    form(
        &["@tcp(", "@unix("],
        r#"[A-Za-z0-9_.-]+:([^\s"']+)@(?:tcp|unix)\("#,
        always,
    ),
    form(
        &["jdbc:oracle:"],
        r#"(?i)jdbc:oracle:[a-z0-9]+:[^\s/@]*/([^\s"'@]+)@"#,
        always,
    ),
    // A key and its secret side by side, as in AWS's CSV files.
    form(
        &["akia", "asia"],
        r#"\b(?:AKIA|ASIA)[A-Z0-9]{16}["']?[\s,:;/|]{1,3}["']?([A-Za-z0-9/+]{40})"#,
        always,
    ),
    token(
        &["akia", "asia", "abia", "acca"],
        r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b",
    ),
    token(
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    ),
    token(
        &["gl"],
        r"\b(gl(?:pat|ptt|dt|rt|rtr|cbt|ft|soat|agent|imt|oas|ffct)-[A-Za-z0-9_.-]{16,})",
    ),
    token(
        &["xox", "xapp-"],
        r"\b((?:xox[a-z]|xapp)[.-][A-Za-z0-9.-]{10,})",
    ),
    token(
        &["hooks.slack.com/"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]+)",
    ),
    token(
        &["/webhooks/"],
        r"discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/[0-9]+/([A-Za-z0-9_-]+)",
    ),
    token(
        &[".office.com/webhook"],
        r#"\.office\.com/webhookb?2?/([^\s"'<>]+)"#,
    ),
    token(
        &["k_live_", "k_test_", "whsec_"],
        r"\b([srp]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/]{20,}=*)",
    ),
    // OpenAI, Anthropic, OpenRouter, Langfuse and those that copied them.
    token(
        &["sk-"],
        r"\b(sk-(?:(?:proj|svcacct|admin|ant|or|lf|None)-[A-Za-z0-9_-]{16,}|[A-Za-z0-9_]{20,}))",
    ),
    token(
        &["aiza", "ya29.", "gocspx-", "1//0"],
        r"(AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{30,})",
    ),
    token(
        &["npm_", "pypi-"],
        r"\b(npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{50,})",
    ),
    // RFC 7519: `eyJ` is `{"` in base64.
    token(
        &["eyj"],
        r"\b(eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*)",
    ),
    // Telegram's bot token; the bot's number in front of it is public.
    token(&[":a"], r"[0-9]{6,12}:(A[A-Za-z0-9_-]{30,})"),
    token(
        &[
            "hf_",
            "hvs.",
            "hvb.",
            "glsa_",
            "glc_",
            "sntry",
            "dop_v1_",
            "doo_v1_",
            "dor_v1_",
            "dckr_pat_",
            "gsk_",
            "dapi",
            "shpat_",
            "nrak-",
        ],
        concat!(
            r"\b((?:hf_|gsk_|dckr_pat_|sntry[su]_|hv[sb]\.|glc_)[A-Za-z0-9_=+/.-]{20,}|glsa_[A-Za-z0-9_]{32,}",
            r"|do[opr]_v1_[a-f0-9]{40,}|dapi[a-f0-9]{32}|shpat_[a-f0-9]{32}|NRAK-[A-Z0-9]{20,})"
        ),
    ),
    token(
        &["sg.", "atatt", "age-secret-key-"],
        r"\b(SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|ATATT[A-Za-z0-9_=-]{20,}|AGE-SECRET-KEY-1[A-Z0-9]{20,})",
    ),
    // Schemes that carry a list of values take the rest of the line.
    form(
        &["authorization"],
        concat!(
            r#"(?i)authorization(?:\\*["'])?[ \t]*(?:=>|[:=])[ \t]*(?:\\*["'])?(?:(?:digest|hawk|oauth|aws4-hmac-sha256)[ \t]+([^\r\n]+)"#,
            r#"|(?:\[?(?:bearer|basic|token|negotiate|ntlm|apikey|splunk|key)[ \t]+)?([^\s"'\\,;<>)}\]]+))"#
        ),
        is_no_state,
    ),
    form(
        &["bearer", "basic"],
        r"(?i)\b(?:bearer|basic)(?:[ \t]+|%20)([A-Za-z0-9._~+/=-]{8,})",
        is_no_word,
    ),
    form(
        &["cookie"],
        r#"(?i)\bcookie(?:\\*["'])?[ \t]*[:=][ \t]*(?:\\*["'])?([^\s=;"'\\]+=[^\r\n"'\\]+)"#,
        always,
    ),
    form(
        &[
            "key=",
            "sig=",
            "signature=",
            "credential=",
            "auth=",
            "jwt=",
            "session=",
            "sessionid=",
            "sid=",
            "hmac=",
            "otp=",
        ],
        concat!(
            r"(?i)[?&;#](?:key|sig|(?:x-(?:amz|goog)-)?(?:signature|credential)|auth|jwt|session(?:id)?|sid|hmac|otp)",
            r#"=([^&\s#"'<>]+)"#
        ),
        always,
    ),
    // Programs that are given a password as an argument: long options, then the short ones that are well known.
    form(
        &["--"],
        concat!(r"(?i)--(?:[a-z0-9]+-)*", name!(), r"[ \t]+", value!()),
        |value| is_no_state(value) && !value.starts_with('-'),
    ),
    form(
        &["curl"],
        r#"\bcurl[ \t][^\r\n|;]*?(?:-u|--user)[ \t]*["']?[^\s:"']+:([^\s"']+)"#,
        always,
    ),
    form(
        &["redis-cli", "sshpass"],
        r#"\b(?:redis-cli[ \t][^\r\n|;]*?-a|sshpass[ \t]+-p)[ \t]*["']?([^\s"']+)"#,
        always,
    ),
    form(
        &["mysql"],
        r#"\bmysql(?:dump|admin)?[ \t][^\r\n|;]*?[ \t]-p["']?([^\s"']+)"#,
        always,
    ),
    form(
        &["identified", "password"],
        r"(?i)(?:\bidentified[ \t]+(?:with[ \t]+[a-z0-9_]+[ \t]+)?by|\bpassword)[ \t]+'([^'\r\n]+)'",
        is_no_state,
    ),
    // In braces, `secret` is a label of kube-state-metrics with the name of a Secret; PWD in capitals is a directory.
    form(
        &[
            "pass",
            "masterauth",
            "pwd",
            "secret",
            "token",
            "credential",
            "key",
            "kennwort",
            "contrase",
            "senha",
            "ароль",
            "密码",
            "密碼",
            "口令",
            "パスワード",
        ],
        concat!(
            r#"(?i)[{,][ \t]*secret(?:=~|!~|!=|=)"[a-z0-9.*+|-]+"|(?-i:\b(?:OLD)?PWD=(?:/[a-z0-9._-]+)+(?:[\s;:,]|\z))"#,
            "|",
            name!(),
            sign!(),
            r"(?:(?:bearer|basic|token)[ \t]+)?",
            value!()
        ),
        is_no_state,
    ),
    form(
        &["pass", "pwd", "secret", "token", "credential", "key"],
        concat!(
            "(?i)",
            name!(),
            r#"[ \t]+(?:is|was|set to|changed to)[: \t]+["'`]?([^\s"'`,;]{6,})"#
        ),
        is_no_word,
    ),
    form(
        &[
            "key",
            "token",
            "secret",
            "passw",
            "credential",
            "signature",
            "hmac",
            "psk",
        ],
        concat!(
            r"(?i)(?:key|token|secret|passw(?:or)?d|credential|signature|hmac|psk)s?[^A-Za-z0-9]{1,6}",
            r"(?:(?:is|was|of|for|value|with|using)[^A-Za-z0-9]{1,3})?([A-Za-z0-9+/_-]{32,}={0,2})"
        ),
        is_random,
    ),
];
