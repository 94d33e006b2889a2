#!/bin/sh
# Bucket, rights and keys in MinIO. Needs `mc`; says nothing secret and may run again at any time: what is right stays, what is not is put right.
#   STORE_URL  the store         BUCKET  the bucket's name        SECRETS  the folder that ./setup fills
set -eu

root_user=$(cat "$SECRETS/minio-root-user")
root_password=$(cat "$SECRETS/minio-root-password")
scheme=${STORE_URL%%://*}
export MC_HOST_store="$scheme://$root_user:$root_password@${STORE_URL#*://}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

quietly() {
    "$@" > "$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
}

# The policy comes on standard input.
may() {
    cat > "$work/$1.json"
    quietly mc admin policy create store "$1" "$work/$1.json"
}

# The secret goes by standard input: arguments can be seen by others on the machine.
user() {
    secret=$(cat "$SECRETS/$2")
    printf '%s\n%s\n' "$1" "$secret" > "$work/user"
    quietly mc admin user add store < "$work/user"
    rm "$work/user"
    case $(mc admin user info --json store "$1") in
        *"\"policyName\":\"$1\""*) ;;
        *) quietly mc admin policy attach store "$1" --user "$1" ;;
    esac
}

quietly mc mb --ignore-existing "store/$BUCKET"
# Nobody without a key; a new bucket is so, and an old one is made so.
quietly mc anonymous set none "store/$BUCKET"

# A presigned URL lends its signer's rights, and on MinIO an unsigned copy header on a PUT reads with them: so who writes cannot read.
may tidegate-read <<POLICY
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::$BUCKET/users/*"]},
  {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::$BUCKET"],
   "Condition": {"StringLike": {"s3:prefix": ["users/*"]}}}]}
POLICY
may tidegate-write <<POLICY
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::$BUCKET/users/*"]}]}
POLICY
may tidegate-state <<POLICY
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"],
   "Resource": ["arn:aws:s3:::$BUCKET/users/*", "arn:aws:s3:::$BUCKET/_tidegate/*"]},
  {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::$BUCKET"]}]}
POLICY
user tidegate-read store-read
user tidegate-write store-write
user tidegate-state store-state
echo "bucket $BUCKET is private; tidegate-read, tidegate-write and tidegate-state have their rights"
