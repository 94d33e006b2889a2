//! Published vectors, through the code that uses them.

use hpke::kem::{Kem as _, XWing};
use hpke::{Deserializable as _, Serializable as _};
use rand_core::{TryCryptoRng, TryRng};
use serde::Deserialize;

use super::account::{XWingPrivateKey, XWingPublicKey};
use super::derive::derive;
use super::device::DeviceKey;

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

#[test]
fn hkdf_is_that_of_rfc_5869_test_case_3() {
    let okm = derive::<42>(&[0x0b; 22], None, "");
    assert_eq!(
        hex::encode(okm.as_slice()),
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    );
    assert_eq!(*derive::<42>(&[0x0b; 22], Some(&[]), ""), *okm);
}

#[test]
fn ed25519_is_that_of_rfc_8032_test_1() {
    let key = DeviceKey::from_secret(&bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
    assert_eq!(hex::encode(key.public().as_bytes()), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(
        hex::encode(key.sign(b"")),
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    );
}

#[derive(Deserialize)]
struct XWingVector {
    seed: String,
    eseed: String,
    ss: String,
    pk: String,
    ct: String,
}

#[test]
fn x_wing_is_that_of_its_draft() {
    let vector: XWingVector = serde_json::from_str(include_str!("../../fixtures/vectors/x-wing.json")).unwrap();
    let secret = XWingPrivateKey::from_bytes(&bytes::<32>(&vector.seed)).unwrap();
    let public = XWing::sk_to_pk(&secret);
    assert_eq!(hex::encode(public.to_bytes()), vector.pk);
    assert_eq!(XWingPublicKey::from_bytes(&hex::decode(&vector.pk).unwrap()).unwrap(), public);

    let mut fixed = Fixed(hex::decode(&vector.eseed).unwrap());
    let (shared, encapped) = XWing::encap_with_rng(&public, None, &mut fixed).unwrap();
    assert_eq!(hex::encode(encapped.to_bytes()), vector.ct);
    assert_eq!(hex::encode(shared.0), vector.ss);
    assert_eq!(hex::encode(XWing::decap(&secret, None, &encapped).unwrap().0), vector.ss);
}

/// A generator that gives out exactly these bytes.
struct Fixed(Vec<u8>);

impl TryRng for Fixed {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut word = [0; 4];
        self.try_fill_bytes(&mut word)?;
        Ok(u32::from_le_bytes(word))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut word = [0; 8];
        self.try_fill_bytes(&mut word)?;
        Ok(u64::from_le_bytes(word))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}
