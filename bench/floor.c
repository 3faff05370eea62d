/* The cost of the kernel alone: one epoll loop, and for each delivery one send(2) of a buffer that was framed once.
 * Run as `floor PORT`; it exits when its stdin closes. It parses only the HTTP that the bench sends. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 1048576
#define MAX_REQUEST (4 << 20)

static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n";
static const char DONE[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

static int clients[MAX_FDS], place[MAX_FDS], count;
static char request[MAX_REQUEST + 1], frame[MAX_REQUEST + 64];

static void add(int fd) {
  place[fd] = count + 1;
  clients[count++] = fd;
}

static void drop(int fd) {
  if (place[fd] > 0) {
    int last = clients[--count];
    clients[place[fd] - 1] = last;
    place[last] = place[fd];
    place[fd] = 0;
  }
  close(fd);
}

static void publish(const char *message, size_t length) {
  size_t size = sprintf(frame, "%zx\r\ndata: ", length + 8);
  memcpy(frame + size, message, length);
  memcpy(frame + size + length, "\n\n\r\n", 4);
  size += length + 4;
  for (int i = 0; i < count; i += 1) {
    /* Sockets block: send(2) waits for the reader, so that the event is complete. */
    for (size_t sent = 0; sent < size;) {
      ssize_t n = send(clients[i], frame + sent, size - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += n;
    }
  }
}

/* Each line of a body is one message. */
static void answer(int fd) {
  size_t size = 0;
  char *body = NULL;
  for (;;) {
    ssize_t n = recv(fd, request + size, MAX_REQUEST - size, size == 0 ? MSG_DONTWAIT : 0);
    if (n <= 0) {
      drop(fd);
      return;
    }
    size += n;
    request[size] = 0;
    body = strstr(request, "\r\n\r\n");
    if (body == NULL) continue;
    body += 4;
    if (strncmp(request, "POST", 4) != 0) break;
    char *field = strcasestr(request, "\r\ncontent-length:");
    if (field == NULL || body + strtoul(field + 17, NULL, 10) <= request + size) break;
  }
  if (strncmp(request, "GET", 3) == 0) {
    send(fd, HEAD, sizeof HEAD - 1, MSG_NOSIGNAL);
    add(fd);
    return;
  }
  for (char *line = body; line < request + size;) {
    char *end = memchr(line, '\n', request + size - line);
    if (end == NULL) end = request + size;
    publish(line, end - line);
    line = end + 1;
  }
  send(fd, DONE, sizeof DONE - 1, MSG_NOSIGNAL);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) return 1;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  event.data.fd = 0;
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
  for (;;) {
    int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; i += 1) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        if (client >= MAX_FDS) {
          close(client);
          continue;
        }
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        event.data.fd = client;
        epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
      } else if (fd == 0) {
        if (read(0, request, MAX_REQUEST) <= 0) return 0;
      } else {
        answer(fd);
      }
    }
  }
}
