"""The AWS remediations: id → 'module:Class', imported on use."""

REGISTRY: dict[str, str] = {
    "aws.ec2.isolate_instance": "remediations.aws.isolate_instance:IsolateInstance",
    "aws.ec2.revoke_security_group_ingress": "remediations.aws.revoke_security_group_ingress:RevokeSecurityGroupIngress",
    "aws.iam.deactivate_access_key": "remediations.aws.deactivate_access_key:DeactivateAccessKey",
    "aws.iam.revoke_sessions": "remediations.aws.revoke_sessions:RevokeSessions",
    "aws.iam.revoke_user_sessions": "remediations.aws.revoke_user_sessions:RevokeUserSessions",
    "aws.s3.block_account_public_access": "remediations.aws.block_account_public_access:BlockAccountPublicAccess",
    "aws.s3.block_public_access": "remediations.aws.block_public_access:BlockPublicAccess",
}
