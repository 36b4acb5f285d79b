// What people must hear of when Stanch itself fails, and the logs that tell why.

param name string
param location string
param email string
param logsId string
param storageName string
param queueName string
param appName string
param vaultName string
param playbookName string

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' existing = {
  parent: storage
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' existing = {
  parent: storage
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' existing = {
  parent: storage
  name: 'default'
}

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: appName
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource playbook 'Microsoft.Logic/workflows@2019-05-01' existing = {
  name: playbookName
}

// Who replaced the package, touched the journal, read the secret, called the runbook.

resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'stanch'
  scope: blobs
  properties: {
    workspaceId: logsId
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'stanch'
  scope: queues
  properties: {
    workspaceId: logsId
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

resource tableLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'stanch'
  scope: tables
  properties: {
    workspaceId: logsId
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

resource vaultLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'stanch'
  scope: vault
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

resource appLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'stanch'
  scope: app
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

resource playbookLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'stanch'
  scope: playbook
  properties: {
    workspaceId: logsId
    logs: [{ category: 'WorkflowRuntime', enabled: true }]
  }
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'global'
  properties: {
    enabled: true
    groupShortName: name
    emailReceivers: [{ name: 'people', emailAddress: email, useCommonAlertSchema: true }]
  }
}

// Azure has no metric for one queue's length, so the poison queue is watched by what is put there.
resource givenUp 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-given-up'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: 'Stanch gave up an incident'
    description: 'It was not handled; look at the queue ${queueName}-poison.'
    severity: 1
    enabled: true
    scopes: [logsId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      allOf: [
        {
          query: 'StorageQueueLogs | where AccountName == "${storageName}" and OperationName == "PutMessage" and Uri contains "/${queueName}-poison/" and StatusCode == "201"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    autoMitigate: true
    // The table is there only once the first log has arrived.
    skipQueryValidation: true
    actions: { actionGroups: [people.id] }
  }
  dependsOn: [queueLogs]
}

// All queues together, measured once an hour: incidents that nobody takes, and given-up ones that nobody looked at.
resource waiting 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-waiting'
  location: 'global'
  properties: {
    description: 'Messages wait in ${queueName} or ${queueName}-poison.'
    severity: 2
    enabled: true
    scopes: [queues.id]
    evaluationFrequency: 'PT1H'
    windowSize: 'PT1H'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'messages'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Storage/storageAccounts/queueServices'
          metricName: 'QueueMessageCount'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    autoMitigate: true
    actions: [{ actionGroupId: people.id }]
  }
}

resource notSent 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-not-sent'
  location: 'global'
  properties: {
    description: 'Incidents do not reach the queue; look at the runs of the playbook.'
    severity: 1
    enabled: true
    scopes: [playbook.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'failed'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Logic/workflows'
          metricName: 'RunsFailed'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    autoMitigate: true
    actions: [{ actionGroupId: people.id }]
  }
}
