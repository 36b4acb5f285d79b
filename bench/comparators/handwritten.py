"""What an engineer writes in ten minutes: global clients, deactivate the key, publish. No check, no journal, no second look, no undo."""

import json
import os

import boto3

iam = boto3.client("iam")
sns = boto3.client("sns")


def handler(event, context):
    key = event["detail"]["resource"]["accessKeyDetails"]
    iam.update_access_key(UserName=key["userName"], AccessKeyId=key["accessKeyId"], Status="Inactive")
    message = {
        "finding": event["detail"]["id"],
        "key": key["accessKeyId"],
        "user": key["userName"],
        "action": "deactivated",
    }
    sns.publish(TopicArn=os.environ["TOPIC"], Subject="Access key deactivated", Message=json.dumps(message))
    return message
