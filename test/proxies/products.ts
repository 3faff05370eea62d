interface Place {
  /** Of the configuration. */
  path: string
  /** A folder that the proxy may fill. */
  dir: string
  /** Where to listen, as `host:port`. */
  address: string
}

/** A proxy that the matrix starts, and how. */
export interface Product {
  name: string
  program: string
  /** Below examples/proxies. */
  file: string
  /** The text of the example that sets its address, and the test's own. */
  listen(host: string): [from: string, to: string]
  /** Adds the other lines that a whole configuration needs. */
  wrap?(config: string, dir: string): string
  args(place: Place): string[]
  /** The control: the example without its settings for Pods that crashed. Undefined where the defaults suffice. */
  withDefaults?(config: string): string
  /** Whether it closes the connection to the Pod when the client leaves; if not, with the next events. */
  endsAtOnce: boolean
}

export const nginx: Product = {
  name: 'nginx',
  program: 'nginx',
  file: 'nginx.conf',
  listen: (host) => ['listen 8080', `listen ${host}:8080`],
  wrap(config, dir) {
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (of) => `${of}_temp_path ${dir}/${of};`,
    )
    return `daemon off; master_process off; pid ${dir}/pid; error_log stderr error;
      events { worker_connections 1024; }
      http { access_log off; ${temp.join(' ')} ${config} }`
  },
  args: ({ path, dir }) => ['-p', dir, '-e', 'stderr', '-c', path],
  // As the default, which is 10 s, but for as long as a test takes on a busy machine.
  withDefaults: (config) => config.replaceAll('max_fails=0', 'fail_timeout=120s'),
  endsAtOnce: true,
}

const haproxy: Product = {
  name: 'HAProxy',
  program: 'haproxy',
  file: 'haproxy.cfg',
  listen: (host) => ['bind :8080', `bind ${host}:8080`],
  args: ({ path }) => ['-db', '-f', path],
  withDefaults: (config) => config.replaceAll(/^ +(option (?!forwardfor)|retries).*$/gm, ''),
  endsAtOnce: true,
}

const caddy: Product = {
  name: 'Caddy',
  program: 'caddy',
  file: 'Caddyfile',
  listen: (host) => [':8080 {', `http://${host}:8080 {\n\tbind ${host}`],
  wrap: (config) => `{\n\tadmin off\n}\n${config}`,
  args: ({ path }) => ['run', '--config', path, '--adapter', 'caddyfile'],
  withDefaults: (config) => config.replace(/lb_try_duration.*/, ''),
  endsAtOnce: true,
}

const varnish: Product = {
  name: 'Varnish',
  program: 'varnishd',
  file: 'varnish.vcl',
  listen: (host) => ['vcl 4.1;', `vcl 4.1; # ${host}`],
  args: ({ path, dir, address }) => [
    ...['-j', 'none', '-F', '-f', path, '-a', address, '-n', dir, '-s', 'malloc,16m'],
    ...['-p', 'thread_pool_min=10', '-p', 'thread_pools=1'],
  ],
  withDefaults: (config) => config.replace(/^sub vcl_backend_error \{.*?^\}/ms, ''),
  endsAtOnce: false,
}

const lighttpd: Product = {
  name: 'lighttpd',
  program: 'lighttpd',
  file: 'lighttpd.conf',
  listen: (host) => ['server.port = 8080', `server.port = 8080\nserver.bind = "${host}"`],
  args: ({ path }) => ['-D', '-f', path],
  endsAtOnce: false,
}

const apache: Product = {
  name: 'Apache',
  program: 'apache2',
  file: 'apache.conf',
  listen: (host) => ['Listen 8080', `Listen ${host}:8080`],
  wrap: (config, dir) => `ServerRoot /usr/lib/apache2
DefaultRuntimeDir ${dir}
PidFile ${dir}/pid
ErrorLog ${dir}/error.log
${config}`,
  args: ({ path }) => ['-D', 'FOREGROUND', '-f', path],
  endsAtOnce: false,
}

const traefik: Product = {
  name: 'Traefik',
  program: 'traefik',
  file: 'traefik-dynamic.yaml',
  listen: (host) => ['http:', `# ${host}\nhttp:`],
  args: ({ path, address }) => [
    `--entryPoints.web.address=${address}`,
    `--providers.file.filename=${path}`,
    '--log.level=ERROR',
    '--global.checkNewVersion=false',
    '--global.sendAnonymousUsage=false',
  ],
  withDefaults: (config) => config.replace('middlewares: [again]', ''),
  endsAtOnce: true,
}

const envoy: Product = {
  name: 'Envoy',
  program: 'envoy',
  file: 'envoy.yaml',
  listen: (host) => ['address: 0.0.0.0', `address: ${host}`],
  args: ({ path }) => [
    ...[
      '-c',
      path,
      '--disable-hot-restart',
      '--use-dynamic-base-id',
      '--concurrency',
      '1',
      '--log-level',
      'error',
    ],
  ],
  withDefaults: (config) => config.replace(/^ +retry_policy:.*?max_attempts: 5\n/ms, ''),
  endsAtOnce: true,
}

export const PRODUCTS: readonly Product[] = [nginx, haproxy, caddy, varnish, lighttpd, apache, traefik, envoy]
