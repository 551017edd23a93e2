//! A page as a browser reads it.

use std::collections::BTreeMap;

use axum::body::to_bytes;
use axum::response::Response;
use futures_util::FutureExt as _;
use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use http::StatusCode;
use http::header::AsHeaderName;
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// A page that was sent.
pub(super) struct Sent {
    pub(super) response: http::response::Parts,
    pub(super) html: String,
    pub(super) elements: Vec<Element>,
}

/// An element of a page, with all the text that is in it.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) text: String,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

impl Sent {
    /// Reads the answer, which must be well-formed.
    pub(super) fn read(response: Response) -> Self {
        let (response, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).now_or_never().unwrap().unwrap();
        let html = String::from_utf8(body.to_vec()).unwrap();
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html.as_str());
        assert!(dom.errors.borrow().is_empty(), "{:?} in {html}", dom.errors.borrow());
        let mut elements = Vec::new();
        collect(&dom.document, &mut elements);
        Self { response, html, elements }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status
    }

    pub(super) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.response.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }

    /// The one element of that name.
    pub(super) fn one(&self, name: &str) -> &Element {
        let all: Vec<_> = self.named(name).collect();
        assert_eq!(all.len(), 1, "{name} in {}", self.html);
        all[0]
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.attribute("id") == Some(id))
    }
}

/// Appends the elements under `node` in the order of the document; gives back the text under it.
fn collect(node: &Handle, elements: &mut Vec<Element>) -> String {
    let place = elements.len();
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let attributes = attrs.borrow();
        let attributes = attributes.iter().map(|one| (one.name.local.to_string(), one.value.to_string()));
        let (name, attributes) = (name.local.to_string(), attributes.collect());
        elements.push(Element { name, attributes, text: String::new() });
    }
    let mut text = String::new();
    for child in node.children.borrow().iter() {
        match &child.data {
            NodeData::Text { contents } => text.push_str(&contents.borrow()),
            _ => text.push_str(&collect(child, elements)),
        }
    }
    if let Some(element) = elements.get_mut(place) {
        element.text.clone_from(&text);
    }
    text
}
