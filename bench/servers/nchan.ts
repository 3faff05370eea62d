import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchServer } from '../harness/bench-server.ts'
import { programPath } from '../harness/program-path.ts'

const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so'

export const server: BenchServer = {
  name: 'nchan (C, nginx)',
  missing: () =>
    programPath('nginx') !== undefined && existsSync(MODULE) ? undefined : 'nginx with its nchan module',
  sendsBursts: false,
  serve(port) {
    const folder = mkdtempSync(join(tmpdir(), 'sser-bench-'))
    writeFileSync(join(folder, 'nginx.conf'), configuration(port))
    const child = spawn(programPath('nginx') as string, ['-p', folder, '-c', 'nginx.conf'], {
      stdio: 'inherit',
    })
    process.once('exit', () => {
      child.kill('SIGTERM')
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    })
    return [child.pid as number]
  },
}

function configuration(port: number): string {
  return `
    load_module ${MODULE};
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off;
    worker_processes 1;
    worker_rlimit_nofile 20000;
    pid nginx.pid;
    error_log stderr warn;
    events { worker_connections 20000; }
    http {
      access_log off;
      client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
      uwsgi_temp_path uwsgi; scgi_temp_path scgi;
      client_max_body_size 1m;
      client_body_buffer_size 1m;
      keepalive_requests 1000000;
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location /events { nchan_subscriber eventsource; nchan_channel_id $arg_stream;
          nchan_subscriber_first_message newest; }
        location /send { nchan_publisher; nchan_channel_id $arg_stream; }
      }
    }`
}
