//! What an endpoint accepts, and the URLs it makes.

use tidegate_sigv4::{AddressingStyle, Endpoint, EndpointError};

fn path_style(base_url: &str) -> Result<Endpoint, EndpointError> {
    Endpoint::new(base_url, "bucket", AddressingStyle::Path)
}

#[test]
fn object_url_is_encoded_once_and_not_normalised() {
    let endpoint = path_style("http://127.0.0.1:9000/").unwrap();
    assert_eq!(endpoint.object_url("a b/%2F//../ü+~"), "http://127.0.0.1:9000/bucket/a%20b/%252F//../%C3%BC%2B~");
    assert_eq!(endpoint.object_url(""), "http://127.0.0.1:9000/bucket/");
}

#[test]
fn virtual_host_style_puts_the_bucket_before_the_host() {
    let endpoint = Endpoint::new("https://s3.example:8443/base", "bucket", AddressingStyle::VirtualHost).unwrap();
    assert_eq!(endpoint.object_url("k"), "https://bucket.s3.example:8443/base/k");
    assert_eq!(endpoint.host(), "bucket.s3.example:8443");
    assert_eq!(endpoint.bucket(), "bucket");
    assert_eq!(endpoint.style(), AddressingStyle::VirtualHost);
}

#[test]
fn default_port_is_not_part_of_the_host() {
    assert_eq!(path_style("https://s3.example:443").unwrap().host(), "s3.example");
    assert_eq!(path_style("http://s3.example:80").unwrap().host(), "s3.example");
    assert_eq!(path_style("https://s3.example:80").unwrap().host(), "s3.example:80");
}

#[test]
fn host_is_written_as_http_clients_send_it() {
    assert_eq!(path_style("https://S3.Example").unwrap().host(), "s3.example");
    assert_eq!(path_style("https://bücher.example").unwrap().host(), "xn--bcher-kva.example");
}

#[test]
fn address_that_is_not_a_plain_base_is_refused() {
    assert!(matches!(path_style("s3.example"), Err(EndpointError::NotAUrl(_))));
    assert!(matches!(path_style("ftp://s3.example"), Err(EndpointError::Scheme { .. })));
    for url in ["https://user@s3.example", "https://:pw@s3.example", "https://s3.example/?a", "https://s3.example/#a"] {
        assert_eq!(path_style(url), Err(EndpointError::NotABase), "{url}");
    }
    assert!(matches!(path_style("https://s3.example/a b"), Err(EndpointError::BasePath { .. })));
    assert!(matches!(path_style("https://s3.example/a+b"), Err(EndpointError::BasePath { .. })));
}

#[test]
fn bucket_name_that_breaks_the_rules_is_refused() {
    let long = "a".repeat(64);
    for bucket in ["", "ab", &long, "Bucket", "bu/cket", "bu cket", "-bucket", "bucket-", "buc..ket", "bü-cket", "a%2f"] {
        let refused = Endpoint::new("https://s3.example", bucket, AddressingStyle::Path);
        assert_eq!(refused, Err(EndpointError::BucketName { bucket: bucket.to_owned() }));
    }
}

#[test]
fn ip_address_with_virtual_host_style_is_refused() {
    for url in ["http://127.0.0.1:9000", "http://[::1]:9000"] {
        let refused = Endpoint::new(url, "bucket", AddressingStyle::VirtualHost);
        assert!(matches!(refused, Err(EndpointError::AddressWithVirtualHost { .. })), "{url}");
    }
}
