//! Uploads in parts: who may have one, what a part's signature pins, and what an upload id opens.

use tidegate_broker::multipart::UploadRequest;
use tidegate_broker::presign::policy::{Credential, SignedConditions, SignedMethod, authorize_upload};
use tidegate_broker::presign::upload_id::{UploadId, UploadIds};
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::multipart::{
    AbortUploadRequest, CompleteUploadRequest, CreateUploadRequest, MAX_UPLOAD_BYTES, MIN_UPLOAD_BYTES, PART_BYTES,
    UploadPartsRequest, composite_sha256,
};
use tidegate_protocol::presign::{PresignItem, Refusal};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::scope::Scopes;
use tidegate_protocol::{ContentHmac, ObjectKey, Sha256, UserId};

use super::world::{BODY, caller, code, decide, item, member, object, other_member, owner, owners_device, uploads, uuid};

const CALLERS: [&str; 7] = ["owner", "create", "bootstrap", "stranger", "reader", "writer", "unproven"];
const LENGTH: u64 = 4 * PART_BYTES + 7;
const STORE_ID: &str = "VXBsb2FkIElE.with+/=dots.";

fn hashes() -> Vec<Sha256> {
    (0..5_u8).map(|number| Sha256::of(&[number])).collect()
}

fn attachment(user: UserId, member: tidegate_protocol::MemberId) -> ObjectKey {
    let digest = composite_sha256(&hashes()).digest();
    ObjectKey::Attachment { user, member, hmac: ContentHmac::from_bytes([8; 32]), digest }
}

fn upload() -> UploadId {
    UploadId { length: LENGTH, store_id: STORE_ID.to_owned() }
}

fn id_of(key: &ObjectKey) -> String {
    uploads().issue(key, &upload()).unwrap()
}

fn part(key: &ObjectKey, number: u32, length: u64) -> PresignItem {
    PresignItem {
        length: Some(length),
        sha256: Some(Sha256::of(BODY).to_string()),
        upload_id: Some(id_of(key)),
        part_number: Some(number),
        ..item("PUT", key)
    }
}

/// The four requests beside that for a part.
fn requests(key: &ObjectKey) -> Vec<Result<UploadRequest, Refusal>> {
    let (text, upload_id, ids) = (key.to_string(), id_of(key), uploads());
    let sha256 = composite_sha256(&hashes()).to_string();
    let parts = hashes().iter().map(Sha256::to_string).collect();
    vec![
        UploadRequest::create(&CreateUploadRequest { key: text.clone(), length: LENGTH, sha256 }),
        UploadRequest::parts(&UploadPartsRequest { key: text.clone(), upload_id: upload_id.clone(), after: None }, &ids),
        UploadRequest::complete(&CompleteUploadRequest { key: text.clone(), upload_id: upload_id.clone(), parts }, &ids),
        UploadRequest::abort(&AbortUploadRequest { key: text, upload_id }, &ids),
    ]
}

fn decide_all(scopes: &Scopes, key: &ObjectKey) -> Vec<Option<ProblemCode>> {
    let outcomes = requests(key).into_iter().map(|request| authorize_upload(scopes, &request?));
    let part = decide(scopes, &part(key, 1, PART_BYTES), &StoreProfile::ATOMIC).map(drop);
    outcomes.chain([part]).map(|outcome| outcome.err().map(|refusal| refusal.code)).collect()
}

#[test]
fn who_may_write_an_attachment_may_write_it_in_parts_and_nobody_else() {
    for column in CALLERS {
        for (member, by_share) in [(member(), true), (other_member(), false)] {
            let granted = column == "owner" || (column == "writer" && by_share);
            let expected = (!granted).then_some(ProblemCode::NotAllowed);
            assert_eq!(decide_all(&caller(column), &attachment(owner(), member)), vec![expected; 5], "{column} {by_share}");
        }
    }
}

#[test]
fn nothing_but_an_attachment_is_written_in_parts() {
    let rows = [
        "genesis",
        "public-keys",
        "master-keys",
        "access-grant",
        "own device file",
        "account own segment",
        "account checkpoint",
        "account sync-manifest",
        "fm own segment",
        "fm checkpoint",
        "fm sync-manifest",
        "fm record",
        "fm pack",
        "state store profile",
        "state entitlement",
        "state notification",
        "state recovery",
        "state audit",
    ];
    for row in rows {
        let key = object(row, owners_device());
        assert_eq!(decide_all(&caller("owner"), &key), vec![Some(ProblemCode::NotAllowed); 5], "{row}");
    }
}

#[test]
fn a_part_pins_its_place_length_type_and_hash_and_is_signed_by_the_key_that_writes() {
    let key = attachment(owner(), member());
    for profile in [StoreProfile::ATOMIC, StoreProfile::IGNORING] {
        let signed = decide(&caller("owner"), &part(&key, 5, 7), &profile).unwrap();
        let expected = SignedConditions {
            method: SignedMethod::Put,
            key: key.to_string().into(),
            query: vec![("partNumber", "5".into()), ("uploadId", STORE_ID.to_owned())],
            headers: vec![
                ("content-length", "7".into()),
                ("content-type", "application/octet-stream".into()),
                ("x-amz-checksum-sha256", "WqDXRnaEDTazMgsl6prQHa5uu6Bhc1rQEgGF9kdD9jY=".into()),
            ],
            credential: Credential::Write,
            signed_bytes: 7,
        };
        assert_eq!(signed, expected);
    }
}

#[test]
fn the_length_of_the_whole_says_which_parts_there_are_and_how_long_each_is() {
    let key = attachment(owner(), member());
    let decided = |number, length| decide(&caller("owner"), &part(&key, number, length), &StoreProfile::ATOMIC);
    for number in 1..=4 {
        assert!(decided(number, PART_BYTES).is_ok(), "{number}");
        for length in [0, 1, PART_BYTES - 1, PART_BYTES + 1, LENGTH, u64::MAX] {
            assert_eq!(code(decided(number, length)), ProblemCode::PartLengthInvalid, "{number} {length}");
        }
    }
    for length in [0, 6, 8, PART_BYTES] {
        assert_eq!(code(decided(5, length)), ProblemCode::PartLengthInvalid, "{length}");
    }
    for number in [0, 6, 10_000, 10_001, u32::MAX] {
        assert_eq!(code(decided(number, PART_BYTES)), ProblemCode::PartNumberInvalid, "{number}");
    }
}

#[test]
fn a_part_takes_no_condition() {
    let key = attachment(owner(), member());
    let right = part(&key, 1, PART_BYTES);
    for wrong in [
        PresignItem { create_only: true, ..right.clone() },
        PresignItem { if_match: Some("\"a\"".to_owned()), ..right.clone() },
        PresignItem { max_keys: Some(1), ..right.clone() },
        PresignItem { part_number: None, ..right.clone() },
        PresignItem { upload_id: None, ..right.clone() },
    ] {
        assert_eq!(code(decide(&caller("owner"), &wrong, &StoreProfile::ATOMIC)), ProblemCode::InvalidRequest, "{wrong:?}");
    }
}

#[test]
fn an_upload_id_opens_the_key_it_was_issued_for_and_no_other() {
    let (mine, ids) = (attachment(owner(), member()), uploads());
    let id = id_of(&mine);
    assert_eq!(ids.open(&mine, &id), Ok(upload()));
    let others = [
        attachment(UserId::from_bytes(uuid(99)), member()),
        attachment(owner(), other_member()),
        object("fm attachment", owners_device()),
        object("fm record", owners_device()),
    ];
    for other in others {
        assert_eq!(ids.open(&other, &id).unwrap_err().code, ProblemCode::UploadIdInvalid, "{other}");
        let asked = PresignItem { key: other.to_string(), ..part(&mine, 1, PART_BYTES) };
        assert_eq!(code(decide(&caller("owner"), &asked, &StoreProfile::ATOMIC)), ProblemCode::UploadIdInvalid, "{other}");
    }
    assert!(UploadIds::new(&[8; 32]).open(&mine, &id).is_err());
}

#[test]
fn an_upload_id_that_was_tampered_with_opens_nothing() {
    let (key, ids) = (attachment(owner(), member()), uploads());
    let id = id_of(&key);
    let (length, rest) = id.split_once('.').unwrap();
    let (mac, store_id) = rest.split_once('.').unwrap();
    let more = LENGTH + 1;
    for bad in [
        String::new(),
        STORE_ID.to_owned(),
        format!("{more}.{rest}"),
        format!("0{id}"),
        format!("+{id}"),
        format!(" {id}"),
        format!("{id} "),
        format!("{id}\n"),
        format!("{length}..{store_id}"),
        format!("{length}.{}.{store_id}", "A".repeat(22)),
        format!("{length}.{}.{store_id}", &mac[1..]),
        format!("{length}.{mac}"),
        format!("{length}.{mac}."),
        format!("{length}.{mac}.{}", &store_id[1..]),
        format!("{length}.{mac}.{store_id}x"),
        id.replacen('.', "", 1),
    ] {
        assert_eq!(ids.open(&key, &bad).map_err(|refusal| refusal.code), Err(ProblemCode::UploadIdInvalid), "{bad:?}");
    }
    for byte in 0..id.len() {
        let mut bytes = id.clone().into_bytes();
        bytes[byte] ^= 1;
        let changed = String::from_utf8(bytes).unwrap();
        assert_ne!(ids.open(&key, &changed), Ok(upload()), "{changed}");
        assert!(ids.open(&key, &changed).is_err(), "{changed}");
    }
}

/// Clients keep ids over updates of the broker: this one was issued by version 1.
#[test]
fn an_upload_id_of_the_first_version_still_opens() {
    const ISSUED: &str = "67108871.9zhwRjBNLhgLz8KjfdrZlg.VXBsb2FkIElE.with+/=dots.";
    let key = attachment(owner(), member());
    assert_eq!(id_of(&key), ISSUED);
    assert_eq!(uploads().open(&key, ISSUED), Ok(upload()));
}

#[test]
fn a_stores_id_that_could_end_a_line_is_never_issued() {
    let key = attachment(owner(), member());
    let issue = |store_id: &str| uploads().issue(&key, &UploadId { length: LENGTH, store_id: store_id.to_owned() }).is_some();
    assert!(issue("a") && issue(&"a".repeat(1_024)) && issue("~!#$%&'()*+,-./:;<=>?@[]^_`{|}"));
    for bad in ["", " ", "a b", "a\r\nb", "ä", "\u{7f}", &"a".repeat(1_025)] {
        assert!(!issue(bad), "{bad:?}");
    }
}

#[test]
fn an_upload_is_begun_within_its_bounds_and_for_the_hash_of_its_key() {
    let key = attachment(owner(), member());
    let right = composite_sha256(&hashes()).to_string();
    let begin = |length, sha256: &str| {
        let body = CreateUploadRequest { key: key.to_string(), length, sha256: sha256.to_owned() };
        let outcome = UploadRequest::create(&body).and_then(|request| authorize_upload(&caller("owner"), &request));
        outcome.err().map(|refusal| refusal.code)
    };
    assert_eq!(begin(MIN_UPLOAD_BYTES, &right), None);
    assert_eq!(begin(MAX_UPLOAD_BYTES, &right), None);
    assert_eq!(begin(MIN_UPLOAD_BYTES - 1, &right), Some(ProblemCode::TooSmall));
    assert_eq!(begin(0, &right), Some(ProblemCode::TooSmall));
    assert_eq!(begin(MAX_UPLOAD_BYTES + 1, &right), Some(ProblemCode::TooLarge));
    assert_eq!(begin(u64::MAX, &right), Some(ProblemCode::TooLarge));
    assert_eq!(begin(LENGTH, &Sha256::of(BODY).to_string()), Some(ProblemCode::DigestMismatch));
    for bad in ["", &right[1..], &right.to_uppercase()] {
        assert_eq!(begin(LENGTH, bad), Some(ProblemCode::InvalidRequest), "{bad:?}");
    }
}

#[test]
fn a_completion_names_every_part_in_order_and_makes_what_the_key_says() {
    let key = attachment(owner(), member());
    let complete = |parts: &[Sha256]| {
        let parts = parts.iter().map(Sha256::to_string).collect();
        let body = CompleteUploadRequest { key: key.to_string(), upload_id: id_of(&key), parts };
        let request = UploadRequest::complete(&body, &uploads()).unwrap();
        authorize_upload(&caller("owner"), &request).err().map(|refusal| refusal.code)
    };
    let right = hashes();
    assert_eq!(complete(&right), None);
    assert_eq!(complete(&right[..4]), Some(ProblemCode::InvalidRequest));
    assert_eq!(complete(&[]), Some(ProblemCode::InvalidRequest));
    assert_eq!(complete(&[&right[..], &right[..1]].concat()), Some(ProblemCode::InvalidRequest));
    let mut swapped = right.clone();
    swapped.swap(0, 1);
    assert_eq!(complete(&swapped), Some(ProblemCode::DigestMismatch));
    let mut other = right;
    other[4] = Sha256::of(BODY);
    assert_eq!(complete(&other), Some(ProblemCode::DigestMismatch));
}

#[test]
fn a_page_of_parts_begins_at_a_part() {
    let key = attachment(owner(), member());
    let list = |after| {
        let body = UploadPartsRequest { key: key.to_string(), upload_id: id_of(&key), after };
        UploadRequest::parts(&body, &uploads()).map_err(|refusal| refusal.code)
    };
    assert_eq!(list(None), Ok(UploadRequest::Parts { key: key.clone(), upload: upload(), after: 0 }));
    assert!(list(Some(10_000)).is_ok());
    assert_eq!(list(Some(10_001)), Err(ProblemCode::PartNumberInvalid));
}
