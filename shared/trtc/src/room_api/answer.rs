//! Tencent's answers: HTTP 200 whatever happened, and an `Error` inside when it did not go well.

use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::error::{Failed, Fault, unreachable};

/// The room is not there.
pub(super) const GONE_ROOM: &str = "FailedOperation.RoomNotExist";
/// The user is not in the room.
pub(super) const GONE_USER: [&str; 2] = ["FailedOperation.UserNotExist", "InternalError.UserNotExist"];

/// The most that is read of an answer, in bytes. Real ones have 60 to 300.
const LONGEST_ANSWER: usize = 64 * 1_024;
/// The longest code, or id, that is believed to be one, in bytes.
const LONGEST_WORD: usize = 100;

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Response")]
    response: Said,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    request_id: String,
    error: Option<SaidError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SaidError {
    code: String,
}

/// Reads an answer.
pub(super) async fn read_answer(mut answer: Response) -> Result<(), Failed> {
    if answer.status() != StatusCode::OK {
        return Err(Fault::Status(answer.status().as_u16()).into());
    }
    let mut json = Vec::new();
    // Piece by piece, so that an endless answer ends at the bound.
    while let Some(piece) = answer.chunk().await.map_err(|error| unreachable(&error))? {
        if json.len() + piece.len() > LONGEST_ANSWER {
            return Err(Fault::Malformed.into());
        }
        json.extend_from_slice(&piece);
    }
    said(&json)
}

/// Only what has Tencent's whole form is believed, with the id that all of its answers have: a page that somebody on the
/// way puts in its place must not pass for a dismissed room.
fn said(json: &[u8]) -> Result<(), Failed> {
    let Ok(Envelope { response: Said { request_id, error } }) = serde_json::from_slice(json) else {
        return Err(Fault::Malformed.into());
    };
    if !is_word(&request_id) {
        return Err(Fault::Malformed.into());
    }
    match error {
        None => Ok(()),
        Some(SaidError { code }) if is_word(&code) => {
            Err(Failed { fault: Fault::Refused(code), request_id: Some(request_id) })
        }
        Some(_) => Err(Failed { fault: Fault::Malformed, request_id: Some(request_id) }),
    }
}

fn is_word(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    plain && (1..=LONGEST_WORD).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Fault {
        said(json.as_bytes()).unwrap_err().fault
    }

    #[test]
    fn an_answer_with_an_id_and_no_error_is_well() {
        assert!(said(br#"{"Response":{"RequestId":"eac6b301-a322-493a-8e36-83b295459397"}}"#).is_ok());
        assert!(said(br#"{"Response":{"RequestId":"eac6b301","Error":null,"New":1}}"#).is_ok());
    }

    #[test]
    fn an_error_gives_its_code_and_id_and_not_its_message() {
        let json = br#"{"Response":{"Error":{"Code":"InvalidParameter.RoomId","Message":"AKIDtestid"},"RequestId":"ed93f3cb"}}"#;
        let failed = said(json).unwrap_err();
        assert_eq!(failed.fault, Fault::Refused("InvalidParameter.RoomId".into()));
        assert_eq!(failed.request_id.as_deref(), Some("ed93f3cb"));
        assert!(!format!("{failed:?}").contains("AKIDtestid"));
    }

    #[test]
    fn what_is_not_tencents_is_not_believed() {
        for json in [
            "",
            "<html>please log in</html>",
            "{}",
            r#"{"Response":{}}"#,
            r#"{"Response":{"RequestId":""}}"#,
            r#"{"Response":{"RequestId":7}}"#,
            r#"{"Response":{"Error":{"Code":"FailedOperation.RoomNotExist","Message":"x"}}}"#,
            r#"{"Response":{"Error":{"Code":"a line\nbreak","Message":"x"},"RequestId":"1"}}"#,
            r#"{"Response":{"Error":{"Message":"x"},"RequestId":"1"}}"#,
        ] {
            assert_eq!(fault(json), Fault::Malformed, "{json}");
        }
    }
}
