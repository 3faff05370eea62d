vcl 4.1;

import directors;

backend web_1 { .host = "192.0.2.1"; .port = "8000"; .connect_timeout = 2s; .first_byte_timeout = 60s; .between_bytes_timeout = 60s; }
backend web_2 { .host = "192.0.2.2"; .port = "8000"; .connect_timeout = 2s; .first_byte_timeout = 60s; .between_bytes_timeout = 60s; }
backend web_3 { .host = "192.0.2.3"; .port = "8000"; .connect_timeout = 2s; .first_byte_timeout = 60s; .between_bytes_timeout = 60s; }

sub vcl_init {
  new web = directors.round_robin();
  web.add_backend(web_1);
  web.add_backend(web_2);
  web.add_backend(web_3);
}

sub vcl_recv {
  set req.backend_hint = web.backend();
  if (req.url ~ "^/events") {
    return (pass);
  }
}

sub vcl_backend_error {
  # Without it Varnish answers 503 when the Pod that it picks has crashed. It tries each Pod in turn, once.
  if (bereq.method == "GET" && bereq.retries < 3) {
    if (bereq.retries == 0) { set bereq.backend = web_1; }
    elseif (bereq.retries == 1) { set bereq.backend = web_2; }
    else { set bereq.backend = web_3; }
    return (retry);
  }
}
