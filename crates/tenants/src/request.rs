//! The requests of clients: the query of a GET, or the form of a POST, and Basic authentication.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local_registry_core::Quoted;
use local_registry_core::text::Excerpt;

use crate::refusal::Refusal;
use crate::scope::Scope;

/// How many scopes one request may have. A client that copies layers between repositories asks for each of them.
const SCOPES: usize = 16;

/// What a client asks for, and the password that says who it is.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenRequest {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) password: Option<Password>,
}

/// The token of somebody whom the API server knows. Nothing prints it.
#[derive(PartialEq, Eq)]
pub(crate) struct Password(String);

impl Password {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// The parameters of a request.
#[derive(Default)]
struct Parameters {
    service: Option<String>,
    scopes: Vec<String>,
    grant_type: Option<String>,
    password: Option<String>,
}

impl Parameters {
    /// Reads the query of a URL, or a form: both are written alike. What is not known is left out: `account` and `client_id` say
    /// nothing that the API server does not know better, and nobody gets the refresh token that `offline_token` and `access_type` ask for.
    fn parse(text: &[u8]) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(text) {
            let once = match &*name {
                "scope" => {
                    parameters.scopes.extend(value.split(' ').filter(|scope| !scope.is_empty()).map(ToOwned::to_owned));
                    continue;
                }
                "service" => &mut parameters.service,
                "grant_type" => &mut parameters.grant_type,
                "password" => &mut parameters.password,
                _ => continue,
            };
            if once.replace(value.into_owned()).is_some() {
                return Err(Refusal::invalid(format!("{name}: is given twice")));
            }
        }
        Ok(parameters)
    }

    /// What is asked for at this service.
    fn asked(self, service: &str, password: Option<Password>) -> Result<TokenRequest, Refusal> {
        match self.service.as_deref() {
            Some(found) if found == service => {}
            Some(found) => {
                let found = Excerpt(found).to_string();
                return Err(Refusal::invalid(format!(
                    "service: is {}; this server gives tokens for `{service}` alone",
                    Quoted(&found)
                )));
            }
            None => return Err(Refusal::invalid(format!("service: is missing; expected `{service}`"))),
        }
        if self.scopes.len() > SCOPES {
            let count = self.scopes.len();
            return Err(Refusal::invalid(format!(
                "scope: there are {count} scopes; ask for at most {SCOPES} at a time"
            )));
        }
        let mut scopes: Vec<Scope> = Vec::new();
        for scope in self.scopes.iter().filter_map(|text| Scope::parse(text)) {
            match scopes.iter_mut().find(|before| before.target() == scope.target()) {
                Some(before) => before.add(&scope),
                None => scopes.push(scope),
            }
        }
        Ok(TokenRequest { scopes, password })
    }
}

impl TokenRequest {
    /// Reads a GET request: its query, and its header `Authorization` if it has one.
    ///
    /// # Errors
    /// A [`Refusal`] that says what is wrong.
    pub fn from_query(query: &str, authorization: Option<&[u8]>, service: &str) -> Result<Self, Refusal> {
        let password = authorization.map(basic).transpose()?;
        Parameters::parse(query.as_bytes())?.asked(service, password)
    }

    /// Reads a POST request (RFC 6749, 4.3): the form that is its body.
    ///
    /// # Errors
    /// A [`Refusal`] that says what is wrong.
    pub fn from_form(form: &[u8], service: &str) -> Result<Self, Refusal> {
        let mut parameters = Parameters::parse(form)?;
        match parameters.grant_type.as_deref() {
            Some("password") => {}
            Some(other) => {
                let other = Excerpt(other).to_string();
                return Err(Refusal::unsupported_grant(format!(
                    "grant_type: is {}; this server takes `password`, and gives out no refresh tokens",
                    Quoted(&other)
                )));
            }
            None => return Err(Refusal::invalid("grant_type: is missing; expected `password`".to_owned())),
        }
        let password = parameters.password.take().filter(|password| !password.is_empty());
        let Some(password) = password else {
            return Err(Refusal::invalid("password: is missing; expected a Kubernetes token".to_owned()));
        };
        parameters.asked(service, Some(Password(password)))
    }
}

/// The password of a header `Authorization: Basic …` (RFC 7617). The user's name is not looked at: the password says who it is.
fn basic(header: &[u8]) -> Result<Password, Refusal> {
    let text = std::str::from_utf8(header).ok();
    let encoded = text.and_then(|text| {
        let (scheme, rest) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("basic").then(|| rest.trim())
    });
    let Some(encoded) = encoded else {
        return Err(Refusal::unauthorized("Authorization: is not Basic; expected a Kubernetes token as the password"));
    };
    let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let password = decoded.as_deref().and_then(|text| text.split_once(':')).map(|(_, password)| password);
    match password {
        None => Err(Refusal::unauthorized("Authorization: is not the base64 form of USER:PASSWORD")),
        Some("") => Err(Refusal::unauthorized("the password is empty; expected a Kubernetes token")),
        Some(password) => Ok(Password(password.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "registry:5000";

    fn from_query(query: &str, authorization: Option<&str>) -> Result<TokenRequest, String> {
        TokenRequest::from_query(query, authorization.map(str::as_bytes), SERVICE)
            .map_err(|refusal| refusal.to_string())
    }

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn scopes_may_be_repeated_or_separated_by_spaces() {
        let expected = [scope("repository:team/app:pull,push"), scope("repository:team/base:pull")];
        for query in [
            "service=registry:5000&scope=repository:team/app:pull,push&scope=repository:team/base:pull",
            "scope=repository%3Ateam%2Fapp%3Apull%2Cpush+repository:team/base:pull&service=registry%3A5000&account=x&client_id=y&offline_token=true",
            "service=registry:5000&scope=repository:team/app:pull&scope=repository:team/base:pull&scope=repository:team/app:push",
            "service=registry:5000&scope=repository:team/app:pull,push%20%20repository:team/base:pull&scope=&scope=plugin:x:pull",
        ] {
            let request = from_query(query, None).unwrap();
            assert_eq!((request.scopes.as_slice(), request.password), (&expected[..], None), "{query}");
        }
    }

    #[test]
    fn the_password_says_who_it_is() {
        for (header, expected) in [
            (basic("anybody:secret"), "secret"),
            (basic(":secret"), "secret"),
            (basic("a:b:c"), "b:c"),
            (basic("x:y").replace("Basic", "basic"), "y"),
        ] {
            let request = from_query("service=registry:5000", Some(&header)).unwrap();
            assert_eq!(request.password.unwrap().as_str(), expected, "{header}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let request = from_query("service=registry:5000", Some(&basic("u:secret"))).unwrap();
        assert_eq!(format!("{request:?}"), "TokenRequest { scopes: [], password: Some(Password) }");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let many = format!("service=registry:5000{}", "&scope=repository:team/app:pull".repeat(17));
        for (query, authorization, expected) in [
            ("", None, "service: is missing; expected `registry:5000`"),
            ("service=", None, "service: is ``; this server gives tokens for `registry:5000` alone"),
            (
                "service=registry:5001",
                None,
                "service: is `registry:5001`; this server gives tokens for `registry:5000` alone",
            ),
            ("service=registry:5000&service=registry:5000", None, "service: is given twice"),
            (&many, None, "scope: there are 17 scopes; ask for at most 16 at a time"),
            (
                "service=registry:5000",
                Some("Bearer x"),
                "Authorization: is not Basic; expected a Kubernetes token as the password",
            ),
            (
                "service=registry:5000",
                Some("Basic"),
                "Authorization: is not Basic; expected a Kubernetes token as the password",
            ),
            ("service=registry:5000", Some("Basic %"), "Authorization: is not the base64 form of USER:PASSWORD"),
            ("service=registry:5000", Some("Basic eA=="), "Authorization: is not the base64 form of USER:PASSWORD"),
            ("service=registry:5000", Some("Basic eDo="), "the password is empty; expected a Kubernetes token"),
        ] {
            assert_eq!(from_query(query, authorization), Err(expected.to_owned()), "{query} {authorization:?}");
        }
    }

    #[test]
    fn a_form_has_the_password_in_it() {
        let form = b"grant_type=password&service=registry%3A5000&client_id=containerd&access_type=offline&username=x&password=a%2Bb&scope=repository:team/app:pull+repository:x/y:push";
        let request = TokenRequest::from_form(form, SERVICE).unwrap();
        assert_eq!(request.scopes, [scope("repository:team/app:pull"), scope("repository:x/y:push")]);
        assert_eq!(request.password.unwrap().as_str(), "a+b");
        for (form, expected) in [
            ("", "grant_type: is missing; expected `password`"),
            (
                "grant_type=refresh_token&refresh_token=x&service=registry:5000",
                "grant_type: is `refresh_token`; this server takes `password`, and gives out no refresh tokens",
            ),
            ("grant_type=password&service=registry:5000", "password: is missing; expected a Kubernetes token"),
            (
                "grant_type=password&password=&service=registry:5000",
                "password: is missing; expected a Kubernetes token",
            ),
            ("grant_type=password&password=x", "service: is missing; expected `registry:5000`"),
            ("grant_type=password&password=x&password=y&service=registry:5000", "password: is given twice"),
        ] {
            let found = TokenRequest::from_form(form.as_bytes(), SERVICE).map_err(|refusal| refusal.to_string());
            assert_eq!(found, Err(expected.to_owned()), "{form}");
        }
    }
}
