"""Makes the policies and the collection that samples make before a knowledge base, and takes them away again."""

import json
import time

import boto3

store = boto3.client("opensearchserverless")
iam = boto3.client("iam")
me = boto3.client("sts").get_caller_identity()["Arn"]
NAME = "handbook-vectors"
ENCRYPTION, NETWORK, ACCESS = "handbook-enc", "handbook-net", "handbook-data"


def passing_over(call, **arguments):
    """True when there is already what was to be made."""
    try:
        call(**arguments)
    except store.exceptions.ConflictException:
        return True
    return False


def make_policies():
    collection = {"ResourceType": "collection", "Resource": [f"collection/{NAME}"]}
    index = {"ResourceType": "index", "Resource": [f"index/{NAME}/*"]}
    role = iam.create_role(RoleName="handbook-kb", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
    there = [
        passing_over(store.create_security_policy, name=ENCRYPTION, type="encryption",
                     policy=json.dumps({"Rules": [collection], "AWSOwnedKey": True})),
        passing_over(store.create_security_policy, name=NETWORK, type="network",
                     policy=json.dumps([{"Rules": [collection], "AllowFromPublic": True}])),
        passing_over(store.create_access_policy, name=ACCESS, type="data", policy=json.dumps([{
            "Rules": [{**collection, "Permission": ["aoss:*"]}, {**index, "Permission": ["aoss:*"]}],
            "Principal": [me, role["Role"]["Arn"]], "Description": "Everything"}])),
    ]
    iam.delete_role(RoleName="handbook-kb")
    return there


assert make_policies() == [False, False, False]
made = store.create_collection(name=NAME, type="VECTORSEARCH")["createCollectionDetail"]
found = store.batch_get_collection(names=[NAME])
while found["collectionDetails"][0]["status"] == "CREATING":
    time.sleep(1)
    found = store.batch_get_collection(names=[NAME])
print("collection:", found["collectionDetails"][0]["status"])
print("endpoint:", found["collectionDetails"][0]["collectionEndpoint"])
assert made["id"] == found["collectionDetails"][0]["id"] and made["arn"].endswith("collection/" + made["id"])

# A script that is run a second time passes over what is there.
assert make_policies() == [True, True, True] and passing_over(store.create_collection, name=NAME, type="VECTORSEARCH")
print("again: passed over")

store.delete_collection(id=made["id"])
store.delete_access_policy(type="data", name=ACCESS)
store.delete_security_policy(type="network", name=NETWORK)
store.delete_security_policy(type="encryption", name=ENCRYPTION)
print("all gone")
