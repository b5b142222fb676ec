//! Questions to IoT Core's control plane, signed as the SDK signs. IoT Core's own SDK is three times as large as DynamoDB's, and
//! compiling it for two questions took a third of the time that all functions took.
//!
//! Requests as in the AWS IoT API reference, "DescribeEndpoint" and "DescribeDomainConfiguration".

use std::iter;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::http;
use ilock_env::Clock;
use reqwest::{StatusCode, Url};
use serde_json::Value;

/// The service, as signatures name it.
const SERVICE: &str = "iot";

/// How long one try may take, how many there are, and how long the pause behind the first is; each further is twice as long.
const TRY: Duration = Duration::from_secs(3);
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Asks as the function's role.
pub struct IotControl {
    http: reqwest::Client,
    url: Url,
    region: String,
    credentials: SharedCredentialsProvider,
    clock: Clock,
}

/// Why a question was not answered.
enum Unanswered {
    /// The next try may be.
    Once(String),
    /// No try will be.
    Ever(String),
}

impl IotControl {
    /// In the account and region that `sdk` reaches.
    ///
    /// # Errors
    /// What it lacks, in words.
    pub fn new(sdk: &SdkConfig) -> Result<Self, String> {
        let region = sdk.region().ok_or("no region is set: AWS_REGION")?.to_string();
        // "AWS IoT Core - control plane endpoints" in the AWS General Reference; China has a domain of its own.
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let url = sdk.endpoint_url().map_or_else(|| format!("https://iot.{region}.{domain}"), str::to_owned);
        let url = Url::parse(&url).map_err(|error| format!("the address of IoT Core, {url}: {error}"))?;
        let credentials = sdk.credentials_provider().ok_or("there are no credentials")?;
        let http = reqwest::Client::builder().timeout(TRY).build().map_err(|error| error.to_string())?;
        Ok(Self { http, url, region, credentials, clock: Clock::system() })
    }

    /// The address of the data plane whose certificate Amazon signed.
    ///
    /// # Errors
    /// What IoT Core answered, in words.
    pub async fn data_endpoint(&self) -> Result<String, String> {
        let described = self.ask(&["endpoint"], Some("endpointType=iot:Data-ATS")).await;
        let described = described.map_err(|error| format!("DescribeEndpoint: {error}"))?;
        text(&described, "endpointAddress").ok_or_else(|| "DescribeEndpoint gave no address".to_owned())
    }

    /// The domain name of the domain configuration `name`.
    ///
    /// # Errors
    /// What IoT Core answered, in words.
    pub async fn domain_name(&self, name: &str) -> Result<String, String> {
        let described = self.ask(&["domainConfigurations", name], None).await;
        let described = described.map_err(|error| format!("DescribeDomainConfiguration {name}: {error}"))?;
        text(&described, "domainName").ok_or_else(|| format!("domain configuration {name} has no domain name"))
    }

    async fn ask(&self, path: &[&str], query: Option<&str>) -> Result<Value, String> {
        let mut url = self.url.clone();
        url.path_segments_mut().map_err(|()| format!("{} has no path", self.url))?.pop_if_empty().extend(path);
        url.set_query(query);
        let mut pause = PAUSE;
        let mut left = TRIES;
        loop {
            left -= 1;
            match self.ask_once(&url).await {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::Once(why)) if left > 0 => {
                    tracing::warn!(why, "IoT Core did not answer; it is asked again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(Unanswered::Once(why) | Unanswered::Ever(why)) => return Err(why),
            }
        }
    }

    async fn ask_once(&self, url: &Url) -> Result<Value, Unanswered> {
        let request = self.signed(url).await.map_err(Unanswered::Once)?;
        let answer = self.http.execute(request).await.map_err(|error| Unanswered::Once(in_words(error)))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| Unanswered::Once(in_words(error)))?;
        let body = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let why = format!("{status}: {}", text(&body, "message").unwrap_or_else(|| "it said no more".to_owned()));
        let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        Err(if again { Unanswered::Once(why) } else { Unanswered::Ever(why) })
    }

    async fn signed(&self, url: &Url) -> Result<reqwest::Request, String> {
        let credentials = self.credentials.provide_credentials().await.map_err(|error| error.to_string())?;
        let identity = credentials.into();
        let now = u64::try_from(self.clock.now().0).map_err(|_| "the clock is before 1970")?;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(now))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let request = SignableRequest::new("GET", url.as_str(), iter::empty(), SignableBody::Bytes(&[]));
        let signed = request.and_then(|request| sign(request, &params)).map_err(|error| error.to_string())?;
        let mut request = http::Request::get(url.as_str()).body(Vec::new()).map_err(|error| error.to_string())?;
        signed.into_parts().0.apply_to_request_http1x(&mut request);
        request.try_into().map_err(in_words)
    }
}

fn text(answer: &Value, name: &str) -> Option<String> {
    answer[name].as_str().map(str::to_owned)
}

/// Without the address, which says nothing new.
fn in_words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_config::{BehaviorVersion, Region};
    use axum::Router;
    use axum::extract::{Request, State};
    use axum::http::StatusCode;
    use axum::response::{IntoResponse, Response};
    use serde_json::json;

    use super::*;

    /// What was asked, and the answers that are left.
    type Script = Arc<Mutex<(Vec<Request>, Vec<(StatusCode, Value)>)>>;

    async fn answer(State(script): State<Script>, request: Request) -> Response {
        let mut script = script.lock().unwrap();
        script.0.push(request);
        let (status, body) = script.1.remove(0);
        (status, body.to_string()).into_response()
    }

    async fn iot_core(answers: Vec<(StatusCode, Value)>) -> (IotControl, Script) {
        let script: Script = Arc::new(Mutex::new((vec![], answers)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let credentials = aws_credential_types::Credentials::new("AKID", "key", Some("session".into()), None, "test");
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(url)
            .build();
        (IotControl::new(&sdk).unwrap(), script)
    }

    #[tokio::test]
    async fn it_asks_as_the_api_reference_says_and_signs_for_iot_core() {
        let domain = (StatusCode::OK, json!({ "domainName": "mqtt.example.com" }));
        let (iot, script) = iot_core(vec![(StatusCode::OK, json!({ "endpointAddress": "a1-ats.iot" })), domain]).await;
        assert_eq!(iot.data_endpoint().await.unwrap(), "a1-ats.iot");
        assert_eq!(iot.domain_name("of mine/2").await.unwrap(), "mqtt.example.com");
        let asked = std::mem::take(&mut script.lock().unwrap().0);
        let uris: Vec<String> = asked.iter().map(|request| request.uri().to_string()).collect();
        assert_eq!(uris, ["/endpoint?endpointType=iot:Data-ATS", "/domainConfigurations/of%20mine%2F2"]);
        for request in asked {
            let header = |name: &str| request.headers()[name].to_str().unwrap();
            let signature = header("authorization");
            assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{signature}");
            assert!(signature.contains("/eu-central-1/iot/aws4_request, "), "{signature}");
            assert!(signature.contains("SignedHeaders=host;x-amz-date;x-amz-security-token"), "{signature}");
            assert_eq!(header("x-amz-security-token"), "session");
        }
    }

    #[tokio::test]
    async fn trouble_that_passes_is_waited_for_and_a_refusal_is_told_at_once() {
        let trouble = |status| (status, json!({ "message": "later" }));
        let passes =
            vec![trouble(StatusCode::TOO_MANY_REQUESTS), trouble(StatusCode::BAD_GATEWAY), (StatusCode::OK, json!({}))];
        let (iot, script) = iot_core(passes).await;
        assert_eq!(iot.data_endpoint().await.unwrap_err(), "DescribeEndpoint gave no address");
        assert_eq!(script.lock().unwrap().0.len(), 3);

        let (iot, _) = iot_core(vec![trouble(StatusCode::BAD_GATEWAY); 3]).await;
        assert_eq!(iot.data_endpoint().await.unwrap_err(), "DescribeEndpoint: 502 Bad Gateway: later");

        let refused = (StatusCode::FORBIDDEN, json!({ "message": "not authorized to perform iot:DescribeEndpoint" }));
        let (iot, script) = iot_core(vec![refused]).await;
        let why = iot.data_endpoint().await.unwrap_err();
        assert_eq!(why, "DescribeEndpoint: 403 Forbidden: not authorized to perform iot:DescribeEndpoint");
        assert_eq!(script.lock().unwrap().0.len(), 1);
    }

    #[test]
    fn china_has_a_domain_of_its_own() {
        let url = |region| {
            let credentials = aws_credential_types::Credentials::new("AKID", "key", None, None, "test");
            let sdk = SdkConfig::builder().credentials_provider(SharedCredentialsProvider::new(credentials));
            IotControl::new(&sdk.region(Region::new(region)).build()).unwrap().url.to_string()
        };
        assert_eq!(url("eu-central-1"), "https://iot.eu-central-1.amazonaws.com/");
        assert_eq!(url("cn-north-1"), "https://iot.cn-north-1.amazonaws.com.cn/");
    }
}
