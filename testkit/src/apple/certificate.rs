//! What a chain's certificates say: like Apple's by default, and each part open to forgery.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SignatureAlgorithm,
};
use time::OffsetDateTime;
use time::macros::datetime;
use x509_cert::der::Encode as _;
use x509_cert::der::asn1::{Ia5String, ObjectIdentifier};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AccessDescription, AuthorityInfoAccessSyntax};

/// Marks the leaf that signs receipts and transactions (Apple: certificates of the Mac App Store and iTunes Store).
const LEAF_MARKER: &[u64] = &[1, 2, 840, 113_635, 100, 6, 11, 1];
/// Marks the intermediate authority (Apple: Worldwide Developer Relations).
const INTERMEDIATE_MARKER: &[u64] = &[1, 2, 840, 113_635, 100, 6, 2, 1];
const AUTHORITY_INFO_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
const OCSP_ACCESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
/// DER of NULL: what Apple's markers hold.
const NULL: [u8; 2] = [5, 0];

/// A key's curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
}

impl Curve {
    pub(super) fn key_pair(self) -> KeyPair {
        KeyPair::generate_for(self.algorithm()).expect("keys are made of randomness alone")
    }

    fn algorithm(self) -> &'static SignatureAlgorithm {
        match self {
            Self::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        }
    }
}

/// Whether a certificate may issue others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthoritySpec {
    /// It says that it is an authority.
    Authority,
    /// It says that it is none.
    NoAuthority,
    /// It says nothing about it.
    Silent,
}

/// One certificate of a chain.
#[derive(Debug, Clone)]
pub struct CertificateSpec {
    /// Its subject.
    pub common_name: String,
    /// Its key.
    pub curve: Curve,
    /// Valid from.
    pub not_before: OffsetDateTime,
    /// Valid until.
    pub not_after: OffsetDateTime,
    /// Apple's marker, as the parts of an object identifier.
    pub marker: Option<Vec<u64>>,
    /// Whether it is an authority.
    pub authority: AuthoritySpec,
    /// What its key may do.
    pub key_usages: Vec<KeyUsagePurpose>,
    /// What its key may do, by purpose.
    pub extended_key_usages: Vec<ExtendedKeyUsagePurpose>,
    /// Where to ask about revocation.
    pub ocsp_url: Option<String>,
    /// More extensions: object identifier, content (DER), criticality.
    pub extensions: Vec<(Vec<u64>, Vec<u8>, bool)>,
}

impl CertificateSpec {
    /// The root, like Apple Root CA - G3.
    #[must_use]
    pub fn root() -> Self {
        Self {
            common_name: "Test Root CA".to_owned(),
            curve: Curve::P384,
            not_before: datetime!(2014-04-30 18:00 UTC),
            not_after: datetime!(2059-04-30 18:00 UTC),
            marker: None,
            authority: AuthoritySpec::Authority,
            key_usages: vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
            extended_key_usages: Vec::new(),
            ocsp_url: None,
            extensions: Vec::new(),
        }
    }

    /// The intermediate authority, like Apple Worldwide Developer Relations G6.
    #[must_use]
    pub fn intermediate() -> Self {
        Self {
            common_name: "Test Developer Relations CA".to_owned(),
            not_before: datetime!(2015-03-17 20:00 UTC),
            not_after: datetime!(2056-03-19 00:00 UTC),
            marker: Some(INTERMEDIATE_MARKER.to_vec()),
            ..Self::root()
        }
    }

    /// The leaf, like the one that signs for the App Store.
    #[must_use]
    pub fn leaf() -> Self {
        Self {
            common_name: "Test App Store Signing".to_owned(),
            curve: Curve::P256,
            not_before: datetime!(2016-09-19 19:00 UTC),
            not_after: datetime!(2055-10-13 17:00 UTC),
            marker: Some(LEAF_MARKER.to_vec()),
            authority: AuthoritySpec::NoAuthority,
            key_usages: vec![KeyUsagePurpose::DigitalSignature],
            extended_key_usages: Vec::new(),
            ocsp_url: None,
            extensions: Vec::new(),
        }
    }

    /// One that signs OCSP answers in an authority's place.
    #[must_use]
    pub fn ocsp_responder() -> Self {
        Self {
            common_name: "Test OCSP Responder".to_owned(),
            marker: None,
            extended_key_usages: vec![ExtendedKeyUsagePurpose::OcspSigning],
            ..Self::leaf()
        }
    }

    pub(super) fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.not_before = self.not_before;
        params.not_after = self.not_after;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.common_name.as_str());
        params.distinguished_name.push(DnType::OrganizationName, "Tidegate tests");
        params.is_ca = match self.authority {
            AuthoritySpec::Authority => IsCa::Ca(BasicConstraints::Unconstrained),
            AuthoritySpec::NoAuthority => IsCa::ExplicitNoCa,
            AuthoritySpec::Silent => IsCa::NoCa,
        };
        params.key_usages.clone_from(&self.key_usages);
        params.extended_key_usages.clone_from(&self.extended_key_usages);
        params.use_authority_key_identifier_extension = true;
        let marker = self.marker.iter().map(|oid| CustomExtension::from_oid_content(oid, NULL.to_vec()));
        let access = self.ocsp_url.iter().map(|url| authority_info_access(url));
        let others = self.extensions.iter().map(|(oid, content, critical)| {
            let mut extension = CustomExtension::from_oid_content(oid, content.clone());
            extension.set_criticality(*critical);
            extension
        });
        params.custom_extensions = marker.chain(access).chain(others).collect();
        params
    }
}

fn authority_info_access(url: &str) -> CustomExtension {
    let url = Ia5String::new(url).expect("a URL is ASCII");
    let access = AccessDescription { access_method: OCSP_ACCESS, access_location: GeneralName::UniformResourceIdentifier(url) };
    let content = AuthorityInfoAccessSyntax(vec![access]).to_der().expect("a short list encodes");
    CustomExtension::from_oid_content(AUTHORITY_INFO_ACCESS, content)
}

/// An intermediate authority and a leaf.
#[derive(Debug, Clone)]
pub struct ChainSpec {
    /// Issued by the root.
    pub intermediate: CertificateSpec,
    /// Issued by the intermediate, and what signs.
    pub leaf: CertificateSpec,
}

impl Default for ChainSpec {
    fn default() -> Self {
        Self { intermediate: CertificateSpec::intermediate(), leaf: CertificateSpec::leaf() }
    }
}
