// Stanch on Azure: Sentinel incidents arrive on a queue, a Function app contains what they name, everything is journaled in one table and reported to Teams.
// Every subscription to be protected, this one and the Sentinel workspace's included, also needs member.bicep. The commands are in docs/deploy-azure.md.

@description('First part of every name: lower-case letters and digits.')
@minLength(2)
@maxLength(10)
param name string = 'stanch'

@description('The region of everything but Sentinel; it needs the Flex Consumption plan.')
param location string = resourceGroup().location

@description('The most that any playbook may do. Start with observe and read what would have been done.')
@allowed(['observe', 'approve', 'auto'])
param mode string = 'observe'

@description('ARM id of the Log Analytics workspace with Microsoft Sentinel: the only one whose incidents are believed.')
param sentinelWorkspaceId string

@description('Object id, in this tenant, of the enterprise application Azure Security Insights (98785600-1bb7-4fb9-b9fa-19afe2c8a360), which starts playbooks.')
param sentinelPrincipalId string

@description('Client id of the app registration that protects the runbook.')
param authClientId string

@description('Client ids of the programs that people may call the runbook with; by default the Azure CLI.')
@minLength(1)
param callers array = ['04b07795-8ddb-461a-bbee-02f9e1bf7b46']

@description('Name of the Key Vault secret that holds the Teams Workflows webhook URL. Its value is set by hand.')
param teamsSecret string = 'stanch-teams'

@description('Name of the key vault secret that holds the keys of approval links.')
param signingSecret string = 'stanch-signing'

@description('The approval page, https://APP.azurewebsites.net/api/approval, once people can sign in there; empty: reports carry no link.')
param approvalUrl string = ''

@description('Who is told that a message was given up, or that incidents do not arrive.')
param alertEmail string

@description('Instances that wait for incidents; 0 saves money and costs a cold start.')
@minValue(0)
param waitingInstances int = 0

@description('How the storage account that holds the journal is replicated; zone-redundant kinds need a region with zones.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_ZRS'

var suffix = uniqueString(resourceGroup().id)

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roles = {
  appConfigurationDataReader: '516239f1-63e1-4d78-a4de-a74fb236a071'
  eventGridDataSender: 'd5a91429-5739-47e2-a06b-3470a27159e7'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  sentinelAutomationContributor: 'f4c81013-99ee-4d62-a7ee-b3f1f648599a'
}

// Who acts. The host's own identity reaches the queue, the journal and the secret, and no protected resource; the other three are the reverse.

resource host 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-host'
  location: location
}

resource read 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-read'
  location: location
}

resource act 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-act'
  location: location
}

resource undo 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-undo'
  location: location
}

module storage 'storage.bicep' = {
  name: '${name}-storage'
  params: {
    name: '${name}${suffix}'
    location: location
    sku: storageSku
    hostId: host.id
    hostPrincipalId: host.properties.principalId
  }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: '${name}${suffix}'
  location: location
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
  }
}

resource hostOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, host.id, roles.keyVaultSecretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
    principalId: host.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Holds the kill switch. Its value is set by hand and not here, because a deployment would release a switch that is pulled.
resource configuration 'Microsoft.AppConfiguration/configurationStores@2024-05-01' = {
  name: '${name}${suffix}'
  location: location
  sku: { name: 'standard' }
  properties: {
    disableLocalAuth: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 7
  }
}

resource hostOnConfiguration 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(configuration.id, host.id, roles.appConfigurationDataReader)
  scope: configuration
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.appConfigurationDataReader)
    principalId: host.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// Each new state of an action, for tickets and other tools: docs/events.md. There are no keys.
resource states 'Microsoft.EventGrid/topics@2025-02-15' = {
  name: '${name}-states-${suffix}'
  location: location
  properties: {
    disableLocalAuth: true
    inputSchema: 'CloudEventSchemaV1_0'
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource hostOnStates 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(states.id, host.id, roles.eventGridDataSender)
  scope: states
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.eventGridDataSender)
    principalId: host.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 365
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableLocalAuth: true
    WorkspaceResourceId: logs.id
  }
}

resource hostOnInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, host.id, roles.monitoringMetricsPublisher)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher)
    principalId: host.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: name
  location: location
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: '${name}-${suffix}'
  location: location
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${host.id}': {}
      '${read.id}': {}
      '${act.id}': {}
      '${undo.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: { ftpsState: 'Disabled', minTlsVersion: '1.2' }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: storage.outputs.packagesUrl
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: host.id }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 5
        alwaysReady: waitingInstances == 0 ? [] : [{ name: 'function:sentinel', instanceCount: waitingInstances }]
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    AzureWebJobsStorage__accountName: storage.outputs.accountName
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: host.properties.clientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${host.properties.clientId};Authorization=AAD'
    // The identity that is used where no other is named: for the journal and the secret.
    AZURE_CLIENT_ID: host.properties.clientId
    STANCH_MODE: mode
    STANCH_JOURNAL: 'azuretable://${storage.outputs.accountName}/${storage.outputs.tableName}'
    STANCH_IDENTITY_READ: read.properties.clientId
    STANCH_IDENTITY_ACT: act.properties.clientId
    STANCH_IDENTITY_UNDO: undo.properties.clientId
    STANCH_KEY_VAULT: vault.properties.vaultUri
    STANCH_TEAMS_SECRET: teamsSecret
    STANCH_SIGNING_SECRET: signingSecret
    STANCH_APPROVAL_URL: approvalUrl
    STANCH_APP_CONFIGURATION: configuration.properties.endpoint
    STANCH_KILL_SWITCH: 'stanch-kill-switch'
    STANCH_SENTINEL_WORKSPACE: sentinelWorkspaceId
    STANCH_EVENT_GRID_TOPIC: states.properties.endpoint
    // What belongs to the responder itself and is never touched.
    STANCH_OWN_PRINCIPAL_ID: join([host.properties.principalId, read.properties.principalId, act.properties.principalId, undo.properties.principalId], ',')
    STANCH_MAX_DELIVERIES: '5'
    STANCH_POISON_QUEUES: storage.outputs.poisonQueueUrl
  }
  dependsOn: [hostOnConfiguration, hostOnInsights, hostOnStates, hostOnVault]
}

// Only with this on does the platform strip forged identity headers, and say so in WEBSITE_AUTH_ENABLED; without it the runbook answers nobody.
resource authentication 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true, runtimeVersion: '~1' }
    globalValidation: { requireAuthentication: true, unauthenticatedClientAction: 'Return401' }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: authClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [authClientId, 'api://${authClientId}']
          defaultAuthorizationPolicy: { allowedApplications: callers }
        }
      }
    }
    login: { tokenStore: { enabled: false } }
  }
  dependsOn: [settings]
}

module playbook 'playbook.bicep' = {
  name: '${name}-playbook'
  params: {
    name: name
    location: location
    storageName: storage.outputs.accountName
    queueName: storage.outputs.queueName
  }
}

// Lets Sentinel start the playbook: https://learn.microsoft.com/azure/sentinel/automation/run-playbooks
resource sentinelOnPlaybooks 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, sentinelPrincipalId, roles.sentinelAutomationContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.sentinelAutomationContributor)
    principalId: sentinelPrincipalId
    principalType: 'ServicePrincipal'
  }
}

module automation 'automation.bicep' = {
  name: '${name}-automation'
  scope: resourceGroup(split(sentinelWorkspaceId, '/')[2], split(sentinelWorkspaceId, '/')[4])
  params: {
    workspaceName: last(split(sentinelWorkspaceId, '/'))
    playbookId: playbook.outputs.id
    playbookPrincipalId: playbook.outputs.principalId
    hostPrincipalId: host.properties.principalId
  }
  dependsOn: [sentinelOnPlaybooks]
}

module alerts 'alerts.bicep' = {
  name: '${name}-alerts'
  params: {
    name: name
    location: location
    email: alertEmail
    logsId: logs.id
    storageName: storage.outputs.accountName
    queueName: storage.outputs.queueName
    appName: app.name
    vaultName: vault.name
    playbookName: playbook.outputs.name
  }
}

output appName string = app.name
output runbookUrl string = 'https://${app.properties.defaultHostName}/api/runbook'
output statesTopicId string = states.id
output vaultName string = vault.name
output configurationName string = configuration.name
output readPrincipalId string = read.properties.principalId
output actPrincipalId string = act.properties.principalId
output undoPrincipalId string = undo.properties.principalId
