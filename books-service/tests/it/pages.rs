use http::Method;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};

use crate::world::World;

#[tokio::test]
async fn anybody_gets_the_pages_and_what_they_load() {
    let world = World::new().await;
    let anybody = world.anonymous();
    let issuer = world.issuer.issuer().as_str().trim_end_matches('/').to_owned();
    for path in ["/", "/docs", "/books/docs"] {
        let page = anybody.get(path).await.expect(200);
        assert_eq!(page.header(CONTENT_TYPE), "text/html; charset=utf-8");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self'; style-src 'self'; ") && !policy.contains("unsafe"));
        assert!(policy.contains(&format!("; connect-src 'self' {issuer}; ")), "{policy}");
        anybody.send(Method::GET, path, &[(IF_NONE_MATCH, page.header(ETAG))], None).await.expect(304);
    }
    for name in ["books.js", "books-texts.js", "language.js", "page.css", "colours.css"] {
        anybody.get(&format!("/books/ui/x/{name}")).await.expect(200);
    }
    anybody.get("/books/ui/x/elsewhere.js").await.expect(404);
    // What is a book stays one.
    anybody.get("/books/ui").await.expect(401);
}
