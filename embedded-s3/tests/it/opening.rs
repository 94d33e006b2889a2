//! Data directories that cannot be opened, each with its own reason.

use std::fs;
use std::path::Path;

use tidegate_embedded_s3::{AccessKey, Config, OpenError, Store};

fn open(home: &Path) -> Result<Store, OpenError> {
    Store::open(Config::new(home, vec![AccessKey::administrator("admin", "a-secret-of-the-tests")]))
}

#[track_caller]
fn refused(home: &Path) -> OpenError {
    match open(home) {
        Ok(_) => panic!("the store was opened"),
        Err(error) => error,
    }
}

fn with_a_store() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    open(home.path()).unwrap().create_bucket("family").unwrap();
    home
}

#[test]
fn a_directory_is_open_in_one_store_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    assert_eq!(refused(home.path()).code(), "store-data-dir-locked");
    drop(store);
    open(home.path()).unwrap();
}

#[test]
fn a_data_dir_that_is_a_file_is_unwritable() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file");
    fs::write(&path, b"").unwrap();
    assert_eq!(refused(&path).code(), "store-data-dir-unwritable");
    assert_eq!(refused(&path.join("below")).code(), "store-data-dir-unwritable");
}

#[test]
fn an_index_that_is_no_database_is_damaged() {
    let home = with_a_store();
    fs::write(
        home.path().join("index.sqlite"),
        b"this is not a database, but long enough to be read as one ........................",
    )
    .unwrap();
    let error = refused(home.path());
    assert_eq!(error.code(), "store-index-damaged");
    assert!(error.to_string().contains("backup"));
}

#[test]
fn an_index_with_a_torn_page_is_damaged() {
    let home = with_a_store();
    let path = home.path().join("index.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    assert_eq!(refused(home.path()).code(), "store-index-damaged");
}

#[test]
fn bodies_without_their_index_are_never_swept() {
    let home = with_a_store();
    let body = home.path().join("bodies").join("0000000000000").join("0000000000000001");
    fs::create_dir_all(body.parent().unwrap()).unwrap();
    fs::write(&body, b"body").unwrap();
    fs::remove_file(home.path().join("index.sqlite")).unwrap();
    assert_eq!(refused(home.path()).code(), "store-index-missing");
    assert_eq!(refused(home.path()).code(), "store-index-missing");
    assert!(body.exists());
}

#[test]
fn an_index_of_a_later_version_is_left_alone() {
    let home = with_a_store();
    let index = rusqlite::Connection::open(home.path().join("index.sqlite")).unwrap();
    index.pragma_update(None, "user_version", 99).unwrap();
    drop(index);
    let error = refused(home.path());
    assert_eq!(error.code(), "store-index-newer");
    assert!(error.to_string().contains("update"));
}

#[test]
fn access_keys_are_checked() {
    let home = tempfile::tempdir().unwrap();
    let keys = vec![AccessKey::administrator("a", "short")];
    let refused = Store::open(Config::new(home.path(), keys)).err().unwrap();
    assert_eq!(refused.code(), "store-access-keys-invalid");
}

#[cfg(unix)]
#[test]
fn a_new_data_dir_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    open(&data_dir).unwrap();
    assert_eq!(fs::metadata(&data_dir).unwrap().permissions().mode() & 0o777, 0o700);
}
