//! Bodies as apps send them and as they should not: well formed, mistaken, cut, and of every JSON that there is. The same ones
//! for the same seed.

use reqwest::Method;

/// A request with a body.
pub struct Sent {
    pub method: Method,
    pub path: &'static str,
    pub body: Vec<u8>,
    /// `Content-Encoding`, where there is one.
    pub encoding: Option<&'static str>,
}

/// One endpoint: its fields, each with values that fit.
struct Endpoint(Method, &'static str, &'static [(&'static str, &'static [&'static str])]);

const CLIENTS: &[&str] = &[r#""user456_a""#, r#""user456_b""#, r#""user456_c-1""#];
const TOKENS: &[&str] = &[r#""abcdef0123""#, r#""00""#];
const LANGUAGES: &[&str] = &[r#""zh-CN""#, r#""en""#, r#""fr""#];
const REASONS: &[&str] = &[r#""busy""#, r#""访客已离开""#, r#""cut \ud83d""#, "null"];

const ENDPOINTS: [Endpoint; 8] = [
    Endpoint(
        Method::POST,
        "/api/calls",
        &[("callee_ids", &[r#"["anna","bert"]"#, r#"["user456"]"#, r#"[12,"bert","bert"]"#])],
    ),
    Endpoint(
        Method::POST,
        "/api/calls",
        &[
            ("callee_id", &[r#""anna""#, r#""bert""#, r#""user456""#]),
            ("client_id", CLIENTS),
            ("ring_seconds", &["5", "30.0", "1.2e2"]),
            ("caller_info", &[r#"{"name":"前门设备","location":"小区大门","floor":3}"#, "{}"]),
            ("invitation_data", &[r#"{"":1,"big":12345678901234567890,"small":1e-300}"#, "{}"]),
        ],
    ),
    Endpoint(
        Method::POST,
        "/api/calls/callee-action",
        &[
            ("call_id", &[r#""call_a_b_1""#, "$CALL"]),
            ("action", &[r#""ringing""#, r#""accepted""#, r#""declined""#, r#""rejected""#, r#""hangup""#]),
            ("client_id", CLIENTS),
            ("reason", REASONS),
        ],
    ),
    Endpoint(
        Method::POST,
        "/api/calls/caller-action",
        &[
            ("call_id", &[r#""call_a_b_1""#, "$CALL"]),
            ("action", &[r#""cancelled""#, r#""hangup""#]),
            ("client_id", CLIENTS),
            ("reason", REASONS),
        ],
    ),
    Endpoint(
        Method::POST,
        "/api/mqtt/clients/register",
        &[
            ("client_id", CLIENTS),
            ("user_id", &[r#""user456""#]),
            ("device_type", &[r#""mobile""#]),
            ("platform", &[r#""android""#, r#""iOS""#, r#""harmony""#]),
            ("push_token", TOKENS),
            ("voip_token", TOKENS),
            ("language", LANGUAGES),
            ("app_version", &[r#""1.2.3""#]),
        ],
    ),
    Endpoint(
        Method::POST,
        "/api/v1/devices/register",
        &[
            ("client_id", CLIENTS),
            ("platform", &[r#""android""#, r#""ios""#, r#""harmony""#]),
            ("push_token", TOKENS),
            ("environment", &[r#""production""#, r#""sandbox""#]),
            ("language", LANGUAGES),
        ],
    ),
    Endpoint(
        Method::PUT,
        "/api/mqtt/clients/status",
        &[
            ("client_id", CLIENTS),
            ("status", &[r#""active""#, r#""background""#]),
            ("priority", &["0", "10.0"]),
            ("last_active", &["1679886400000", "1679886400"]),
        ],
    ),
    Endpoint(Method::POST, "/api/trtc/callback", &[("EventGroupId", &["1"]), ("EventInfo", &[r#"{"RoomId":7}"#])]),
];

/// Values that something or other stumbles over.
const ODD: [&str; 28] = [
    "null",
    "true",
    "0",
    "-0.0",
    "-1",
    "1.5",
    "1e400",
    "-1e400",
    "1e-400",
    "1e126",
    "9007199254740993",
    "18446744073709551616",
    r#""""#,
    r#"" ""#,
    r#""\ud83d""#,
    r#""\u0000""#,
    r#""\ud83d\ude00""#,
    r#""a/b""#,
    r##""#+$""##,
    r#""x, expected u8 at line 1""#,
    "[]",
    "{}",
    r#"{"":{"":{"":[]}}}"#,
    r#"{"a":1,"a":2}"#,
    r#"[["\ud800\ud800"],[1e1]]"#,
    "nul",
    "07",
    "'a'",
];

pub struct Bodies {
    state: u64,
    call: String,
}

impl Bodies {
    /// Those of `seed`; some of them name the call `call`.
    #[must_use]
    pub fn new(seed: u64, call: &str) -> Self {
        Self { state: seed, call: format!("\"{call}\"") }
    }

    /// A number below `end`: SplitMix64.
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn send(&mut self) -> Sent {
        let Endpoint(method, path, fields) = &ENDPOINTS[self.below(ENDPOINTS.len())];
        let mut written: Vec<String> = vec![];
        for (at, (name, good)) in fields.iter().enumerate() {
            // The first field of each is needed; the others mostly are there.
            if self.one_in(if at == 0 { 30 } else { 5 }) {
                continue;
            }
            let value = if self.one_in(5) { self.any(3) } else { good[self.below(good.len())].to_owned() };
            written.push(format!("\"{name}\":{}", value.replace("$CALL", &self.call)));
            if self.one_in(60) {
                written.push(format!("\"{name}\":{}", self.any(1)));
            }
        }
        if self.one_in(10) {
            written.push(format!("\"more\":{}", self.any(3)));
        }
        let (body, encoding) = self.as_bytes(format!("{{{}}}", written.join(",")));
        Sent { method: method.clone(), path, body, encoding }
    }

    /// Any JSON, or what looks like some.
    fn any(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 4 } else { 7 }) {
            0..=2 => ODD[self.below(ODD.len())].to_owned(),
            3 => match self.below(5) {
                0 => format!("{}{}", "[".repeat(self.below(200)), "]".repeat(self.below(200))),
                1 => {
                    let levels = self.below(130);
                    format!("{}{}{}", r#"{"":"#.repeat(levels), "1", "}".repeat(levels))
                }
                2 => "1234567890".repeat(1 + self.below(20)),
                3 => format!("0.{}", "1234567890".repeat(20)),
                _ => format!("\"{}\"", ["x", "门", "😀", r"\ud83d\ude00"][self.below(4)].repeat(self.below(1300))),
            },
            4 => format!("[{}]", self.some(depth, |bodies| bodies.any(depth - 1))),
            5 => format!("[{}]", vec!["1"; self.below(2500)].join(",")),
            _ => {
                let fields = self.some(depth, |bodies| {
                    let name = ["name", "location", "", "a.b", "门", r"\ud83d"][bodies.below(6)];
                    format!("\"{name}\":{}", bodies.any(depth - 1))
                });
                format!("{{{fields}}}")
            }
        }
    }

    fn some(&mut self, most: usize, each: impl Fn(&mut Self) -> String) -> String {
        let parts: Vec<String> = (0..=self.below(most)).map(|_| each(self)).collect();
        parts.join(",")
    }

    /// `text` as it goes over the wire: mostly as it is.
    fn as_bytes(&mut self, text: String) -> (Vec<u8>, Option<&'static str>) {
        let mut bytes = text.into_bytes();
        match self.below(100) {
            0 => bytes.truncate(self.below(bytes.len())),
            1 => bytes.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
            2 => {
                let at = self.below(bytes.len());
                bytes[at] = u8::try_from(self.below(256)).unwrap();
            }
            3 => {
                let units = String::from_utf8_lossy(&bytes).encode_utf16().collect::<Vec<_>>();
                bytes = units.into_iter().flat_map(u16::to_le_bytes).collect();
            }
            4 => return (bytes, Some(["gzip", "br", "identity", "identity, deflate"][self.below(4)])),
            5 => bytes.resize(33 * 1024, b' '),
            6 => bytes.extend_from_slice(b" {}"),
            7 => bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1)),
            _ => {}
        }
        (bytes, None)
    }
}
