// One subscription to be protected: a custom role a purpose, each with exactly what the remediations declare (roles.json is made by `make docs`), assigned to
// that purpose's identity. Microsoft Graph permissions cannot be given in a template: docs/deploy-azure.md has the commands.

targetScope = 'subscription'

@description('Output readPrincipalId of main.bicep.')
param readPrincipalId string

@description('Output actPrincipalId of main.bicep.')
param actPrincipalId string

@description('Output undoPrincipalId of main.bicep.')
param undoPrincipalId string

var roles = loadJsonContent('roles.json')

var principals = {
  'Stanch read': readPrincipalId
  'Stanch act': actPrincipalId
  'Stanch undo': undoPrincipalId
}

// The name of a custom role is unique in a tenant, so it bears the subscription's id.
resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for role in roles: {
  name: guid(subscription().id, role.Name)
  properties: {
    roleName: '${role.Name} ${subscription().subscriptionId}'
    description: role.Description
    type: 'CustomRole'
    assignableScopes: [subscription().id]
    permissions: [{ actions: role.Actions, notActions: [], dataActions: [], notDataActions: [] }]
  }
}]

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (role, index) in roles: {
  name: guid(subscription().id, role.Name, principals[role.Name])
  properties: {
    roleDefinitionId: definitions[index].id
    principalId: principals[role.Name]
    principalType: 'ServicePrincipal'
  }
}]
