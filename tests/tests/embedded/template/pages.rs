//! The pages behind CloudFront are what `ilock dev` serves, with the same headers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::template;

/// What client/pages/headers.json has, with this in place of the broker.
fn headers(broker: &str) -> BTreeMap<String, String> {
    let text = include_str!("../../../../client/pages/headers.json").replace("{broker}", broker);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn cloudfront_sends_the_headers_of_the_laptop_s_pages() {
    let template = template();
    let policy = &template["Resources"]["PagesHeaders"]["Properties"]["ResponseHeadersPolicyConfig"];
    let security = &policy["SecurityHeadersConfig"];
    let mut sent = BTreeMap::from([
        // A list, as every `!Sub` with values of its own: the text, and the values.
        ("content-security-policy", &security["ContentSecurityPolicy"]["ContentSecurityPolicy"][0]),
        ("referrer-policy", &security["ReferrerPolicy"]["ReferrerPolicy"]),
    ]);
    for custom in policy["CustomHeadersConfig"]["Items"].as_array().unwrap() {
        sent.insert(custom["Header"].as_str().unwrap(), &custom["Value"]);
    }
    let nosniff = json!("nosniff");
    assert_eq!(security["ContentTypeOptions"], json!({ "Override": true }));
    sent.insert("x-content-type-options", &nosniff);
    // tools/deploy gives it to the files.
    let cached = json!(headers("")["cache-control"]);
    sent.insert("cache-control", &cached);
    let sent: BTreeMap<String, String> =
        sent.into_iter().map(|(name, value)| (name.to_owned(), value.as_str().unwrap().to_owned())).collect();
    assert_eq!(sent, headers("wss://${IotEndpoint.WebsocketHost}${TrtcHosts}"));
}

#[test]
fn the_policy_names_the_broker_that_a_registration_answers() {
    let template = template();
    let register = &template["Resources"]["RegisterClientFunction"]["Properties"]["Environment"]["Variables"];
    assert_eq!(register["MQTT_WEBSOCKET_URL"], "wss://${IotEndpoint.WebsocketHost}/mqtt");
}

#[test]
fn every_path_but_the_api_s_has_the_headers_and_the_function() {
    let template = template();
    let distribution = &template["Resources"]["PagesDistribution"]["Properties"]["DistributionConfig"];
    let behaviours = distribution["CacheBehaviors"].as_array().unwrap();
    let paths: Vec<&Value> = behaviours.iter().map(|behaviour| &behaviour["PathPattern"]).collect();
    assert_eq!(paths, ["/pages/*", "/api/*"]);
    for behaviour in [&distribution["DefaultCacheBehavior"], &behaviours[0]] {
        assert_eq!(behaviour["ResponseHeadersPolicyId"], "PagesHeaders");
        assert_eq!(
            behaviour["FunctionAssociations"],
            json!([{ "EventType": "viewer-request", "FunctionARN": "PagesPaths.FunctionARN" }])
        );
        assert_eq!(
            (&behaviour["TargetOriginId"], &behaviour["AllowedMethods"]),
            (&json!("pages"), &json!(["GET", "HEAD"]))
        );
    }
    assert_eq!(
        (&behaviours[1]["TargetOriginId"], &behaviours[1]["ViewerProtocolPolicy"]),
        (&json!("api"), &json!("https-only"))
    );
}

#[test]
fn no_error_of_the_api_is_kept_for_somebody_else() {
    let template = template();
    let distribution = &template["Resources"]["PagesDistribution"]["Properties"]["DistributionConfig"];
    let errors = distribution["CustomErrorResponses"].as_array().unwrap();
    // Those that CloudFront keeps.
    let codes: Vec<u64> = errors.iter().map(|error| error["ErrorCode"].as_u64().unwrap()).collect();
    assert_eq!(codes, [400, 403, 404, 405, 414, 500, 501, 502, 503, 504]);
    assert!(errors.iter().all(|error| error["ErrorCachingMinTTL"] == 0));
}

#[test]
fn the_bucket_is_as_closed_as_the_ledger_s() {
    let template = template();
    let resources = &template["Resources"];
    for property in ["BucketEncryption", "OwnershipControls", "PublicAccessBlockConfiguration"] {
        let [pages, ledger] = ["PagesBucket", "LedgerBucket"].map(|name| &resources[name]["Properties"][property]);
        assert_eq!(pages, ledger, "{property}");
    }
    let statements = |name: &str| resources[name]["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap();
    assert_eq!(statements("PagesBucketPolicy")[0]["Sid"], "TlsOnly");
    let allowed: Vec<&Value> =
        statements("PagesBucketPolicy").iter().filter(|statement| statement["Effect"] == "Allow").collect();
    assert_eq!(allowed.len(), 1);
    assert_eq!(allowed[0]["Action"], "s3:GetObject");
    assert_eq!(allowed[0]["Principal"], json!({ "Service": "cloudfront.amazonaws.com" }));
    let only = "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${PagesDistribution}";
    assert_eq!(allowed[0]["Condition"], json!({ "StringEquals": { "aws:SourceArn": only } }));
}
