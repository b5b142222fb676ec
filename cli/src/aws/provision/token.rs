//! Signs a door station's access token, for a deployment that shares a secret with its login service (HS256).

use ilock_auth::{AccessClaims, ClaimNames, Identity, Role, Secret};
use ilock_env::Clock;
use ilock_events::{PartyId, TenantId};
use ilock_functions::settings::{DEV_SECRET, Settings};

use crate::aws::stack::Stack;
use crate::ui::error::CommandError;

/// Signs a token with `AUTH_SECRET` that this deployment accepts.
pub fn issue(stack: &Stack, device: &PartyId, tenant: &TenantId, seconds: u32) -> Result<String, CommandError> {
    let secret = std::env::var("AUTH_SECRET").ok().filter(|secret| !secret.is_empty());
    signed(stack, secret.as_deref(), device, tenant, seconds)
}

fn signed(
    stack: &Stack,
    secret: Option<&str>,
    device: &PartyId,
    tenant: &TenantId,
    seconds: u32,
) -> Result<String, CommandError> {
    if let Some(algorithms) = stack.parameter("AuthAlgorithms").filter(|algorithms| *algorithms != "HS256") {
        return Err(CommandError::new(format!("--token: {} accepts tokens signed with {algorithms}", stack.name))
            .hint(
                "the login service has the private key and must issue the door station's token, with role `device`",
            ));
    }
    let hint = "the deployment's secret in Secrets Manager has it as auth_secret";
    let secret = match secret {
        None => return Err(CommandError::new("--token: AUTH_SECRET must be set").hint(hint)),
        Some(DEV_SECRET) => {
            return Err(CommandError::new("--token: AUTH_SECRET is the development secret, which is public").hint(hint));
        }
        Some(secret) => Secret::new(secret),
    };
    let identity = Identity { id: device.clone(), role: Role::Device, tenant: tenant.clone() };
    let (issuer, audience) = (stack.parameter("AuthIssuer"), stack.parameter("AuthAudience"));
    let claims = AccessClaims {
        identity: &identity,
        issuer,
        audience,
        issued_at: Clock::system().now(),
        ttl_seconds: seconds,
        session: None,
        more: claim_names(stack)?.claims_of(&identity),
    };
    claims.sign(&secret).map_err(|error| CommandError::new(format!("--token: AUTH_SECRET: {error}")))
}

/// Under which names the deployment reads who somebody is.
fn claim_names(stack: &Stack) -> Result<ClaimNames, CommandError> {
    let parameters = stack.parameters.clone();
    let read = move |name: &str| {
        let parameter = match name {
            "AUTH_SUBJECT_CLAIM" => "AuthSubjectClaim",
            "AUTH_ROLE_CLAIM" => "AuthRoleClaim",
            "AUTH_TENANT_CLAIM" => "AuthTenantClaim",
            _ => return None,
        };
        parameters.get(parameter).cloned()
    };
    Settings::for_dev(read).claim_names().map_err(CommandError::new)
}

#[cfg(test)]
mod tests {
    use ilock_auth::{AccessKeys, AccessRules, AccessTokens};

    use super::*;

    const SECRET: &str = "a secret of the operator's own, long enough";

    fn stack(parameters: &[(&str, &str)]) -> Stack {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Stack { name: "ilock-prod".into(), parameters, ..Stack::default() }
    }

    fn token(stack: &Stack, secret: Option<&str>) -> Result<String, CommandError> {
        let (device, tenant) = (PartyId::new("door1").unwrap(), TenantId::new("acme").unwrap());
        signed(stack, secret, &device, &tenant, 60)
    }

    #[tokio::test]
    async fn the_deployment_accepts_it() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let issuer = ("AuthIssuer", "https://login.example");
        let parameters =
            [issuer, ("AuthAudience", "calls"), ("AuthAlgorithms", "HS256"), ("AuthRoleClaim", "realm_access.roles")];
        let token = token(&stack(&parameters), Some(SECRET));
        let mut rules = AccessRules::new(AccessKeys::Shared(Secret::new(SECRET)));
        rules.issuer = Some(issuer.1.into());
        rules.audience = Some("calls".into());
        rules.names.role = "realm_access.roles".parse().unwrap();
        let token = AccessTokens::new(rules).unwrap().verify(&token.unwrap(), Clock::system().now()).await;
        let who = token.unwrap().identity;
        assert_eq!((who.id.as_str(), who.role, who.tenant.as_str()), ("door1", Role::Device, "acme"));
    }

    #[test]
    fn a_token_that_would_be_refused_or_that_anybody_can_sign_is_not_issued() {
        let error = |stack: &Stack, secret| token(stack, secret).unwrap_err().message;
        assert!(error(&stack(&[("AuthAlgorithms", "RS256,ES256")]), Some(SECRET)).contains("RS256,ES256"));
        assert!(error(&stack(&[]), None).contains("AUTH_SECRET must be set"));
        assert!(error(&stack(&[]), Some(DEV_SECRET)).contains("development secret"));
        assert!(error(&stack(&[]), Some("short")).contains("32 bytes"));
    }
}
