//! What the text of a setting must be like. Each answers what would be right, and never the text itself: it may be secret.

use reqwest::Url;

/// One of `schemes`, a host, and no name or password, which would stand in logs.
pub(super) fn url(text: &str, schemes: &[&str]) -> Result<(), String> {
    let rule = || format!("must be an address that begins with {}, then a host", schemes.join(":// or ") + "://");
    let url = Url::parse(text).map_err(|_| rule())?;
    let is_whole = url.host_str().is_some_and(|host| !host.is_empty()) && !text.contains(char::is_whitespace);
    if !is_whole || !schemes.contains(&url.scheme()) {
        return Err(rule());
    }
    if url.username().is_empty() && url.password().is_none() {
        Ok(())
    } else {
        Err("must have no user name and no password in it".to_owned())
    }
}

/// 3 to 255 of `A-Z a-z 0-9 _ . -`: the name of a table of DynamoDB.
///
/// # Errors
/// What would be right.
pub fn table(text: &str) -> Result<(), String> {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    require((3..=255).contains(&text.len()) && text.bytes().all(in_name), || {
        "must be the name of a DynamoDB table: 3 to 255 of A-Z a-z 0-9 _ . -".to_owned()
    })
}

/// The name of an S3 bucket.
pub(super) fn bucket(text: &str) -> Result<(), String> {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (first, last) = (text.as_bytes().first(), text.as_bytes().last());
    let in_name = |byte: u8| edge(&byte) || b".-".contains(&byte);
    let is_name = (3..=63).contains(&text.len()) && text.bytes().all(in_name);
    require(is_name && first.is_some_and(edge) && last.is_some_and(edge), || {
        "must be the name of an S3 bucket: 3 to 63 of a-z 0-9 . -, a letter or digit at both ends".to_owned()
    })
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, where the resource begins as given.
pub(super) fn is_arn(text: &str, service: &str, resource: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, of, region, account, rest] = parts[..] else { return false };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = !region.is_empty() && rest.len() > resource.len() && !text.contains(char::is_whitespace);
    arn == "arn"
        && partition.starts_with("aws")
        && of == service
        && is_account
        && is_whole
        && rest.starts_with(resource)
}

/// Some text, of letters that can be seen: it stands in a header, an ARN or a note.
pub(super) fn graphic(text: &str) -> Result<(), String> {
    require(text.bytes().all(|byte| byte.is_ascii_graphic()), || "must be printable ASCII without spaces".to_owned())
}

pub(super) fn require(is_right: bool, rule: impl FnOnce() -> String) -> Result<(), String> {
    if is_right { Ok(()) } else { Err(rule()) }
}
