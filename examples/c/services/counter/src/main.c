/* Counts the requests that it answers: GET /health, and GET of anything else. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jsonout.h"

static void stop(int number)
{
    (void)number;
    _exit(0);
}

static struct sockaddr_in address(const char *host)
{
    const char *port = getenv("PORT");
    struct sockaddr_in found = {.sin_family = AF_INET};
    found.sin_port = htons((unsigned short)atoi(port ? port : "8091"));
    inet_pton(AF_INET, host, &found.sin_addr);
    return found;
}

static int ask_health(void)
{
    char answer[64] = "";
    const char *question = "GET /health HTTP/1.0\r\n\r\n";
    struct sockaddr_in at = address("127.0.0.1");
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(peer, (struct sockaddr *)&at, sizeof at) != 0)
        return 1;
    if (write(peer, question, strlen(question)) < 0 || read(peer, answer, sizeof answer - 1) < 0)
        return 1;
    return strstr(answer, " 200 ") ? 0 : 1;
}

static void answer(int peer, long count)
{
    char request[1024] = "", body[256], head[128];
    if (read(peer, request, sizeof request - 1) <= 0)
        return;
    struct jsonout out;
    jsonout_begin(&out, body, sizeof body);
    if (strncmp(request, "GET /health ", 12) == 0)
        jsonout_text(&out, "status", "ok");
    else
        jsonout_number(&out, "count", count);
    size_t length = jsonout_end(&out);
    int begin = snprintf(head, sizeof head,
                         "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", length);
    if (write(peer, head, (size_t)begin) < 0 || write(peer, body, length) < 0)
        fprintf(stderr, "a client went away\n");
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "health") == 0)
        return ask_health();
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in at = address("0.0.0.0");
    int yes = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 64) != 0) {
        perror("cannot listen");
        return 1;
    }
    for (long served = 1;; served++) {
        int peer = accept(listener, NULL, NULL);
        if (peer < 0)
            continue;
        answer(peer, served);
        close(peer);
    }
}
