"""The hand-written function under Powertools' idempotency: a repeated event is answered from a DynamoDB table."""

import json
import os

import boto3
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent

iam = boto3.client("iam")
sns = boto3.client("sns")
store = DynamoDBPersistenceLayer(table_name="idempotency")


@idempotent(persistence_store=store, config=IdempotencyConfig(event_key_jmespath="detail.id"))
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
