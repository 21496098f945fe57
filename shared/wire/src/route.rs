//! Routes of the functions behind the API, and the lookup of a request's route.

/// One operation of a function.
#[derive(Debug)]
pub struct Route<T> {
    pub method: &'static str,
    /// Its path; a part in braces stands for any one part.
    pub path: &'static str,
    pub to: T,
}

/// The route of a request.
#[derive(Debug)]
pub struct Found<'a, T: 'static> {
    pub route: &'static Route<T>,
    values: Vec<&'a str>,
}

impl<'a, T> Found<'a, T> {
    /// What stands in the place of a part in braces, counted from 0; empty where the route has no such part.
    #[must_use]
    pub fn value(&self, index: usize) -> &'a str {
        self.values.get(index).copied().unwrap_or_default()
    }
}

/// A request that has no route.
#[derive(Debug, PartialEq, Eq)]
pub enum NotFound {
    NoRoute,
    /// There are routes at the path, with other methods: the value of a response's `Allow` (RFC 9110, section 10.2.1).
    WrongMethod {
        allowed: String,
    },
}

/// Finds the route of a request.
///
/// # Errors
/// If there is nothing at the path, or not with this method.
pub fn find<'a, T>(
    routes: &'static [Route<T>],
    method: &str,
    path: &'a str,
) -> Result<Found<'a, T>, NotFound> {
    let mut allowed = Vec::new();
    for route in routes {
        let Some(values) = fits(route.path, path) else {
            continue;
        };
        if method == route.method {
            return Ok(Found { route, values });
        }
        allowed.push(route.method);
    }
    if allowed.is_empty() {
        return Err(NotFound::NoRoute);
    }
    Err(NotFound::WrongMethod {
        allowed: allowed.join(", "),
    })
}

/// The values of the parts in braces; none if the path is another.
fn fits<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let (mut parts, mut values) = (path.split('/'), Vec::new());
    for expected in template.split('/') {
        let part = parts.next()?;
        if expected.starts_with('{') {
            values.push(part);
        } else if expected != part {
            return None;
        }
    }
    parts.next().is_none().then_some(values)
}
