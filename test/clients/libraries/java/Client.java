import com.launchdarkly.eventsource.ConnectStrategy;
import com.launchdarkly.eventsource.ErrorStrategy;
import com.launchdarkly.eventsource.MessageEvent;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.sse.EventSource;
import okhttp3.sse.EventSourceListener;
import okhttp3.sse.EventSources;
import org.springframework.core.ParameterizedTypeReference;
import org.springframework.http.codec.ServerSentEvent;
import org.springframework.web.reactive.function.client.WebClient;
import reactor.core.publisher.Flux;
import reactor.util.retry.Retry;

/** One client library on one event stream: prints each event that it hands to the application, a line of JSON each. */
public class Client {
  static final long RETRY_MS = 200;
  static final AtomicReference<String> last = new AtomicReference<>("");

  public static void main(String[] args) throws Exception {
    String url = args[1];
    switch (args[0]) {
      case "okhttp-sse" -> okhttp(url);
      case "okhttp-eventsource" -> launchDarkly(url);
      default -> spring(url);
    }
  }

  /** It does not come back by itself. OkHttp's read timeout is 10 s, which is less than the heartbeat. */
  static void okhttp(String url) throws Exception {
    var client = new OkHttpClient.Builder().readTimeout(60, TimeUnit.SECONDS).build();
    var factory = EventSources.createFactory(client);
    while (true) {
      var ended = new CountDownLatch(1);
      var request = new Request.Builder().url(url);
      if (!last.get().isEmpty()) request.header("Last-Event-ID", last.get());
      factory.newEventSource(request.build(), new EventSourceListener() {
        @Override public void onEvent(EventSource source, String id, String type, String data) {
          show(type, data);
          if (id != null && !id.isEmpty()) last.set(id);
        }

        @Override public void onClosed(EventSource source) {
          ended.countDown();
        }

        @Override public void onFailure(EventSource source, Throwable error, Response response) {
          ended.countDown();
        }
      });
      ended.await();
      Thread.sleep(RETRY_MS);
    }
  }

  /** LaunchDarkly's read timeout is 5 s, which is less than the heartbeat. */
  static void launchDarkly(String url) throws Exception {
    var source = new com.launchdarkly.eventsource.EventSource.Builder(
            ConnectStrategy.http(URI.create(url)).readTimeout(60, TimeUnit.SECONDS))
        .errorStrategy(ErrorStrategy.alwaysContinue())
        .retryDelay(RETRY_MS, TimeUnit.MILLISECONDS)
        .build();
    source.start();
    for (var event : source.anyEvents()) {
      if (event instanceof MessageEvent message) show(message.getEventName(), message.getData());
    }
  }

  /** It does not come back by itself, and keeps no id. */
  static void spring(String url) {
    var type = new ParameterizedTypeReference<ServerSentEvent<String>>() {};
    var client = WebClient.builder().codecs((codecs) -> codecs.defaultCodecs().maxInMemorySize(1_048_576)).build();
    Flux.defer(() -> client.get().uri(url)
            .headers((headers) -> {
              if (!last.get().isEmpty()) headers.set("Last-Event-ID", last.get());
            })
            .retrieve().bodyToFlux(type))
        .doOnNext((event) -> {
          show(event.event(), event.data());
          if (event.id() != null && !event.id().isEmpty()) last.set(event.id());
        })
        .repeatWhen((ends) -> ends.delayElements(Duration.ofMillis(RETRY_MS)))
        .retryWhen(Retry.fixedDelay(Long.MAX_VALUE, Duration.ofMillis(RETRY_MS)))
        .blockLast();
  }

  static synchronized void show(String type, String data) {
    System.out.println("{\"type\":" + quote(type) + ",\"data\":" + quote(data) + "}");
  }

  static String quote(String text) {
    if (text == null) return "null";
    var json = new StringBuilder("\"");
    for (char unit : text.toCharArray()) {
      if (unit == '"' || unit == '\\' || unit < ' ' || unit > '~') json.append(String.format("\\u%04x", (int) unit));
      else json.append(unit);
    }
    return json.append('"').toString();
  }
}
