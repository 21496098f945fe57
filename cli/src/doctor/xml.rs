//! Answers of the services that speak AWS's Query protocol, which are XML
//! (<https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>).

use std::collections::BTreeMap;

use aws::signed::{CallError, SignedClient};
use form_urlencoded::Serializer;
use roxmltree::{Document, Node};

/// Makes a request of the Query protocol, and reads its answer.
///
/// # Errors
/// If the service refuses or does not answer, or the answer is no XML.
pub(crate) async fn query<T>(
    client: &SignedClient,
    fields: &[(&str, &str)],
    read: impl FnOnce(&Document<'_>) -> T,
) -> Result<T, CallError> {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    let answer = client.call("", &body).await?;
    let text = String::from_utf8_lossy(&answer);
    let document = Document::parse(&text).map_err(|error| CallError::Unavailable(error.into()))?;
    Ok(read(&document))
}

/// The elements of this name below a node.
pub(crate) fn all<'a, 'd>(
    node: Node<'a, 'd>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'd>> {
    node.descendants()
        .filter(move |node| node.has_tag_name(name))
}

/// The items of a list: the children of the element of this name.
pub(crate) fn items<'a, 'd>(
    node: Node<'a, 'd>,
    list: &'static str,
) -> impl Iterator<Item = Node<'a, 'd>> {
    let list = node.children().find(move |node| node.has_tag_name(list));
    list.into_iter()
        .flat_map(|list| list.children().filter(Node::is_element))
}

/// The text of a child, if there is one with a text.
pub(crate) fn text<'a>(node: Node<'a, '_>, child: &str) -> Option<&'a str> {
    let child = node.children().find(|node| node.has_tag_name(child))?;
    child.text().map(str::trim).filter(|text| !text.is_empty())
}

/// Pairs in a list whose items have a child for the name and one for the value.
pub(crate) fn pairs(
    node: Node<'_, '_>,
    list: &'static str,
    [name, value]: [&str; 2],
) -> BTreeMap<String, String> {
    items(node, list)
        .filter_map(|item| {
            let value = text(item, value).unwrap_or_default();
            Some((text(item, name)?.to_owned(), value.to_owned()))
        })
        .collect()
}
