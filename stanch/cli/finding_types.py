"""The finding types that sources are known to send, for `playbooks check`: misspelt types, and types that no playbook is for.

GuardDuty's are its active types (https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-active.html), those of Config the managed rules about
exposure, credentials and logging (https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html). A type that is not here still works.
"""

from __future__ import annotations

_TRAFFIC = "BlackholeTraffic BlackholeTraffic!DNS DGADomainRequest.C!DNS DriveBySourceTraffic!DNS DropPoint DropPoint!DNS PhishingDomainRequest!DNS"
_DOMAINS = "AbusedDomainRequest.Reputation BitcoinDomainRequest.Reputation MaliciousDomainRequest.Reputation SuspiciousDomainRequest.Reputation"
_CALLERS = "MaliciousIPCaller MaliciousIPCaller.Custom SuccessfulAnonymousAccess TorIPCaller"
_MALWARE = "MaliciousFile SuspiciousFile"

_GUARDDUTY = {
    # EC2
    "Backdoor:EC2": "C&CActivity.B C&CActivity.B!DNS DenialOfService.Dns DenialOfService.Tcp DenialOfService.Udp DenialOfService.UdpOnTcpPorts DenialOfService.UnusualProtocol Spambot",
    "Behavior:EC2": "NetworkPortUnusual TrafficVolumeUnusual",
    "CryptoCurrency:EC2": "BitcoinTool.B BitcoinTool.B!DNS",
    "DefenseEvasion:EC2": "UnusualDNSResolver UnusualDoHActivity UnusualDoTActivity",
    "Impact:EC2": f"{_DOMAINS} MaliciousDomainRequest.Custom PortSweep WinRMBruteForce",
    "Recon:EC2": "PortProbeEMRUnprotectedPort PortProbeUnprotectedPort Portscan",
    "Trojan:EC2": f"{_TRAFFIC} DGADomainRequest.B DNSDataExfiltration",
    "UnauthorizedAccess:EC2": "MaliciousIPCaller.Custom MetadataDNSRebind RDPBruteForce SSHBruteForce TorClient TorRelay",
    # Credentials
    "CredentialAccess:IAMUser": "AnomalousBehavior",
    "DefenseEvasion:IAMUser": "AnomalousBehavior BedrockLoggingDisabled",
    "Discovery:IAMUser": "AnomalousBehavior",
    "Exfiltration:IAMUser": "AnomalousBehavior",
    "Impact:IAMUser": "AnomalousBehavior AnomalousModelInvocation CostHarvesting PromptInjection.Direct",
    "InitialAccess:IAMUser": "AnomalousBehavior",
    "PenTest:IAMUser": "KaliLinux ParrotLinux PentooLinux",
    "Persistence:IAMUser": "AnomalousBehavior",
    "Policy:IAMUser": "RootCredentialUsage ShortTermRootCredentialUsage",
    "PrivilegeEscalation:IAMUser": "AnomalousBehavior",
    "Recon:IAMUser": "MaliciousIPCaller MaliciousIPCaller.Custom TorIPCaller",
    "Stealth:IAMUser": "CloudTrailLoggingDisabled PasswordPolicyChange",
    "UnauthorizedAccess:IAMUser": "ConsoleLoginSuccess.B InstanceCredentialExfiltration.InsideAWS InstanceCredentialExfiltration.OutsideAWS "
    "ResourceCredentialExfiltration.InsideAWS ResourceCredentialExfiltration.OutsideAWS MaliciousIPCaller MaliciousIPCaller.Custom TorIPCaller",
    # S3
    "Discovery:S3": "AnomalousBehavior MaliciousIPCaller MaliciousIPCaller.Custom TorIPCaller",
    "Exfiltration:S3": "AnomalousBehavior MaliciousIPCaller",
    "Impact:S3": "AnomalousBehavior.Delete AnomalousBehavior.Permission AnomalousBehavior.Write MaliciousIPCaller",
    "PenTest:S3": "KaliLinux ParrotLinux PentooLinux",
    "Policy:S3": "AccountBlockPublicAccessDisabled BucketAnonymousAccessGranted BucketBlockPublicAccessDisabled BucketPublicAccessGranted",
    "Stealth:S3": "ServerAccessLoggingDisabled",
    "UnauthorizedAccess:S3": "MaliciousIPCaller.Custom TorIPCaller",
    # Malware
    "Execution:EC2": f"{_MALWARE} MaliciousFile!Snapshot MaliciousFile!AMI MaliciousFile!RecoveryPoint",
    "Execution:ECS": _MALWARE,
    "Execution:Container": _MALWARE,
    "Execution:S3": "MaliciousFile!RecoveryPoint",
    "Object:S3": "MaliciousFile",
    # Kubernetes
    "CredentialAccess:Kubernetes": f"{_CALLERS} AnomalousBehavior.SecretsAccessed",
    "DefenseEvasion:Kubernetes": _CALLERS,
    "Discovery:Kubernetes": f"{_CALLERS} AnomalousBehavior.PermissionChecked",
    "Execution:Kubernetes": f"{_MALWARE} AnomalousBehavior.ExecInPod AnomalousBehavior.WorkloadDeployed ExecInKubeSystemPod",
    "Impact:Kubernetes": _CALLERS,
    "Persistence:Kubernetes": f"{_CALLERS} AnomalousBehavior.WorkloadDeployed!ContainerWithSensitiveMount",
    "Policy:Kubernetes": "AdminAccessToDefaultServiceAccount AnonymousAccessGranted ExposedDashboard KubeflowDashboardExposed",
    "PrivilegeEscalation:Kubernetes": "AnomalousBehavior.RoleBindingCreated AnomalousBehavior.RoleCreated AnomalousBehavior.WorkloadDeployed!PrivilegedContainer",
    # Runtime
    "Backdoor:Runtime": "C&CActivity.B C&CActivity.B!DNS",
    "CryptoCurrency:Runtime": "BitcoinTool.B BitcoinTool.B!DNS",
    "DefenseEvasion:Runtime": "FilelessExecution KernelModuleLoaded SensitiveFileModified ProcessInjection.Proc ProcessInjection.Ptrace "
    "ProcessInjection.VirtualMemoryWrite PtraceAntiDebugging SuspiciousCommand",
    "Discovery:Runtime": "SuspiciousCommand",
    "Execution:Runtime": "MaliciousFileExecuted MaliciousFileExecuted.Custom NewBinaryExecuted NewLibraryLoaded ReverseShell SuspiciousCommand SuspiciousShellCreated SuspiciousTool",
    "Impact:Runtime": f"{_DOMAINS} CryptoMinerExecuted",
    "Persistence:Runtime": "SensitiveFileModified SuspiciousCommand",
    "PrivilegeEscalation:Runtime": "CGroupsReleaseAgentModified ContainerMountsHostDirectory DockerSocketAccessed ElevationToRoot RuncContainerEscape "
    "SensitiveFileModified SuspiciousCommand UserfaultfdUsage",
    "Trojan:Runtime": _TRAFFIC,
    "UnauthorizedAccess:Runtime": "MetadataDNSRebind TorClient TorRelay",
    # Databases, functions, attack sequences
    "CredentialAccess:RDS": "AnomalousBehavior.FailedLogin AnomalousBehavior.SuccessfulBruteForce AnomalousBehavior.SuccessfulLogin MaliciousIPCaller.FailedLogin "
    "MaliciousIPCaller.SuccessfulLogin TorIPCaller.FailedLogin TorIPCaller.SuccessfulLogin",
    "Discovery:RDS": "MaliciousIPCaller TorIPCaller",
    "Backdoor:Lambda": "C&CActivity.B",
    "CryptoCurrency:Lambda": "BitcoinTool.B",
    "Trojan:Lambda": "BlackholeTraffic DropPoint",
    "UnauthorizedAccess:Lambda": "MaliciousIPCaller.Custom TorClient TorRelay",
    "AttackSequence:EC2": "CompromisedInstanceGroup",
    "AttackSequence:ECS": "CompromisedCluster",
    "AttackSequence:EKS": "CompromisedCluster",
    "AttackSequence:IAM": "CompromisedCredentials",
    "AttackSequence:S3": "CompromisedData",
}

_GUARDDUTY_CUSTOM = """
CredentialAccess:EC2/UnsecuredCredentials CredentialAccess:RDS/ModifyAuthenticationProcess DefenseImpairment:EC2/DisableOrModifyTools
DefenseImpairment:Organizations/DisableOrModifyTools DefenseImpairment:Organizations/ModifyCloudResourceHierarchy
DefenseImpairment:RDS/ModifyAuthenticationProcess DefenseImpairment:Route53Resolver/DisableOrModifyTools DefenseImpairment:S3/DisableOrModifyTools
Execution:SageMaker/CommandAndScriptingInterpreter Exfiltration:EC2/TransferDataToCloudAccount Exfiltration:RDS/TransferDataToCloudAccount
Exfiltration:S3/TransferDataToCloudAccount Impact:S3/DataDestruction Impact:SES/ResourceHijacking InitialAccess:IAM/ValidAccounts
InitialAccess:RDS/ExploitPublicFacingApplication LateralMovement:EC2/RemoteServices Persistence:EC2/BootOrLogonInitializationScripts
Persistence:EC2/ExternalRemoteServices Persistence:IAM/AccountManipulation Persistence:Lambda/AccountManipulation
Persistence:Lambda/ModifyAuthenticationProcess Persistence:RolesAnywhere/AccountManipulation PrivilegeEscalation:IAM/AccountManipulation
ResourceDevelopment:SES/CompromiseAccounts
"""
"""What the rules send that customers switch on by themselves."""

_CONFIG = """
ACCESS_KEYS_ROTATED CLOUDTRAIL_S3_BUCKET_PUBLIC_ACCESS_PROHIBITED CLOUD_TRAIL_ENABLED DMS_REPLICATION_NOT_PUBLIC EBS_SNAPSHOT_PUBLIC_RESTORABLE_CHECK
EC2_IMDSV2_CHECK EC2_INSTANCE_NO_PUBLIC_IP EKS_ENDPOINT_NO_PUBLIC_ACCESS EMR_MASTER_NO_PUBLIC_IP GUARDDUTY_ENABLED_CENTRALIZED IAM_ROOT_ACCESS_KEY_CHECK
IAM_USER_MFA_ENABLED IAM_USER_UNUSED_CREDENTIALS_CHECK INCOMING_SSH_DISABLED LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS
RDS_INSTANCE_PUBLIC_ACCESS_CHECK RDS_SNAPSHOTS_PUBLIC_PROHIBITED REDSHIFT_CLUSTER_PUBLIC_ACCESS_CHECK RESTRICTED_INCOMING_TRAFFIC ROOT_ACCOUNT_MFA_ENABLED
S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED S3_BUCKET_POLICY_GRANTEE_CHECK
S3_BUCKET_PUBLIC_READ_PROHIBITED S3_BUCKET_PUBLIC_WRITE_PROHIBITED SNS_TOPIC_NO_PUBLIC_ACCESS SQS_QUEUE_NO_PUBLIC_ACCESS SSM_DOCUMENT_NOT_PUBLIC
VPC_DEFAULT_SECURITY_GROUP_CLOSED VPC_FLOW_LOGS_ENABLED VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS VPC_SG_PORT_RESTRICTION_CHECK
"""

KNOWN: dict[str, tuple[str, ...]] = {
    "guardduty": tuple(f"{family}/{name}" for family, names in _GUARDDUTY.items() for name in names.split())
    + tuple(_GUARDDUTY_CUSTOM.split()),
    "config": tuple(_CONFIG.split()),
}
"""Source → its known finding types: for Config the source identifiers of managed rules, which is what findings of it are called by."""
