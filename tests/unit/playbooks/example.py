"""A policy that uses every word of the vocabulary, as a company with several kinds of accounts writes it."""

from __future__ import annotations

EXAMPLE = """\
extends: shipped
accounts:
  prod:    {ous: [ou-ab12-prod0001], subscriptions: [00000000-0000-0000-0000-0000000000a1]}
  sandbox: {ous: [ou-ab12-sand0001]}
  pci:     {ids: ["111122223333"]}
  unlisted: pci
ceiling: {prod: approve, pci: observe, sandbox: auto}
channels:
  soc:      {teams: teams-soc, sns: "arn:aws:sns:eu-west-1:111122223333:soc"}
  payments: {teams: teams-payments}
notify:
  - {to: [soc]}
  - {when: {account.tags.Team: [payments]}, to: [payments]}
approval:
  by: {group: sec-oncall}
  escalate: [{after: 15m, notify: [soc]}, {after: 30m, then: hold}]
protect:
  principals: ["arn:aws:iam::*:role/breakglass-*", "bg1@corp.example"]
  resources: ["arn:aws:s3:::org-log-archive-*"]
freeze:
  - {name: year-end, from: 2026-12-18, to: 2027-01-04, tz: Europe/Berlin, accounts: [prod], ceiling: approve, except: [key-leak]}
  - {name: deploys, cron: "0 22 * * TUE", for: 3h, tz: Europe/Berlin, accounts: [prod], ceiling: approve}
budget:
  default:      {actions: 10, per: [remediation, account], window: 1h}
  organisation: {actions: 40, window: 1h}
playbooks:
  - id: key-leak
    when:
      type: [{prefix: "UnauthorizedAccess:IAMUser/"}]
      severity: [high, critical]
      resource.type: ["AWS::IAM::AccessKey"]
    remediations:
      - aws.iam.deactivate_access_key
    mode: auto
    budget: {actions: 5, window: 1h}
  - id: role-sessions
    when: {type: [{wildcard: "*InstanceCredentialExfiltration*"}]}
    remediations:
      - id: aws.iam.revoke_sessions
        with: {since: last_seen}
    mode: {prod: approve, sandbox: auto}
    expires: {after: 12h, then: remind}
  - id: sg-open
    when: {source: [config], type: [INCOMING_SSH_DISABLED, RESTRICTED_INCOMING_TRAFFIC]}
    remediations: [aws.ec2.revoke_security_group_ingress]
    mode: auto
    exempt: {tags: {"sec:exposed": [approved]}, names: ["sg-bastion-*"]}
    flap: {times: 3, window: 24h, then: approve}
  - id: bucket-public
    enabled: true
    when: {type: [{prefix: S3_BUCKET_PUBLIC_}]}
    unless: {live.website: [true]}
    remediations: [aws.s3.block_public_access]
    mode: auto
"""
