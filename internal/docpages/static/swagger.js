// Runs before the page is shown, so that it does not flash in the wrong scheme.
const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
follow()
dark.addEventListener('change', follow)

// Swagger UI fills in whatever has an example or a default. All of them together filter a list down to nothing, ask for
// a version that is not there, or repeat somebody's key: what may be left out is left out until a reader fills it in,
// and tells its example instead.
const leaveOptionalOut = () => ({
  statePlugins: {spec: {wrapSelectors: {
    parameterWithMetaByIdentity: original => (_state, ...which) => {
      const parameter = original(...which)
      if (parameter.get('required')) return parameter
      const told = [
        ['Default', parameter.getIn(['schema', 'default'])],
        ['Example', parameter.get('example') ?? parameter.get('examples')?.last().get('value')],
      ].filter(([, value]) => value !== undefined).map(([what, value]) => `${what}: \`${value}\``).join('. ')
      return parameter.update('description', description => `${description}\n\n${told}`)
        .delete('example').delete('examples').deleteIn(['schema', 'example']).deleteIn(['schema', 'default'])
    },
  }}},
})

addEventListener('DOMContentLoaded', () => {
  const at = document.getElementById('swagger-ui')
  SwaggerUIBundle({
    domNode: at,
    url: at.dataset.document,
    plugins: [leaveOptionalOut],
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null, // it would send the document to somebody else's server
  })
})
