// Beside the Sentinel workspace: the rules that start the playbook for every new incident and for every alert that joins one, and the right to comment on and tag
// incidents. No rule starts on comments or tags, so that what Stanch writes starts nothing.

param workspaceName string
param playbookId string
param playbookPrincipalId string
param hostPrincipalId string

// Microsoft Sentinel Reader: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/security
var sentinelReader = '8d289c81-5878-46d4-8554-54e1e3d8b5cb'

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource playbookOnWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, playbookId, sentinelReader)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sentinelReader)
    principalId: playbookPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// The name of a custom role is unique in a tenant, so it bears the workspace's.
resource tell 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(workspace.id, 'Stanch tell')
  properties: {
    roleName: 'Stanch tell ${workspaceName} ${uniqueString(workspace.id)}'
    description: 'Comments on and tags Sentinel incidents.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: [
          'Microsoft.SecurityInsights/incidents/comments/read'
          'Microsoft.SecurityInsights/incidents/comments/write'
          'Microsoft.SecurityInsights/incidents/read'
          'Microsoft.SecurityInsights/incidents/write'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

resource hostOnWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, hostPrincipalId, 'Stanch tell')
  scope: workspace
  properties: {
    roleDefinitionId: tell.id
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource created 'Microsoft.SecurityInsights/automationRules@2024-09-01' = {
  name: guid(workspace.id, playbookId, 'created')
  scope: workspace
  properties: {
    displayName: 'Stanch: new incidents'
    order: 100
    triggeringLogic: {
      isEnabled: true
      triggersOn: 'Incidents'
      triggersWhen: 'Created'
      conditions: []
    }
    actions: [
      {
        order: 1
        actionType: 'RunPlaybook'
        actionConfiguration: { logicAppResourceId: playbookId, tenantId: tenant().tenantId }
      }
    ]
  }
}

resource grown 'Microsoft.SecurityInsights/automationRules@2024-09-01' = {
  name: guid(workspace.id, playbookId, 'grown')
  scope: workspace
  properties: {
    displayName: 'Stanch: alerts added to incidents'
    order: 101
    triggeringLogic: {
      isEnabled: true
      triggersOn: 'Incidents'
      triggersWhen: 'Updated'
      conditions: [
        {
          conditionType: 'PropertyArrayChanged'
          conditionProperties: { arrayType: 'Alerts', changeType: 'Added' }
        }
      ]
    }
    actions: [
      {
        order: 1
        actionType: 'RunPlaybook'
        actionConfiguration: { logicAppResourceId: playbookId, tenantId: tenant().tenantId }
      }
    ]
  }
}
