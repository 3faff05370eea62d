// One client library on one event stream: prints each event that it hands to the application, a line of JSON each.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	launchdarkly "github.com/launchdarkly/eventsource"
	r3labs "github.com/r3labs/sse/v2"
	tmaxmax "github.com/tmaxmax/go-sse"
)

const retry = 200 * time.Millisecond

func show(kind, data string) {
	line, _ := json.Marshal(map[string]string{"type": kind, "data": data})
	fmt.Println(string(line))
}

func request(url string) *http.Request {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		panic(err)
	}
	return request
}

func main() {
	name, url := os.Args[1], os.Args[2]
	switch name {
	case "r3labs/sse":
		client := r3labs.NewClient(url)
		// It returns where a response ends cleanly, and remembers the id.
		for {
			_ = client.SubscribeRaw(func(event *r3labs.Event) { show(string(event.Event), string(event.Data)) })
			time.Sleep(retry)
		}
	case "tmaxmax/go-sse":
		client := tmaxmax.Client{Backoff: tmaxmax.Backoff{InitialInterval: retry, MaxInterval: time.Second}}
		connection := client.NewConnection(request(url))
		connection.SubscribeToAll(func(event tmaxmax.Event) { show(event.Type, event.Data) })
		for {
			_ = connection.Connect()
			time.Sleep(retry)
		}
	case "launchdarkly/eventsource":
		stream, err := launchdarkly.SubscribeWithRequestAndOptions(
			request(url),
			launchdarkly.StreamOptionInitialRetry(retry),
			launchdarkly.StreamOptionCanRetryFirstConnection(time.Minute),
			launchdarkly.StreamOptionErrorHandler(func(error) launchdarkly.StreamErrorHandlerResult {
				return launchdarkly.StreamErrorHandlerResult{}
			}),
		)
		if err != nil {
			panic(err)
		}
		for event := range stream.Events {
			show(event.Event(), event.Data())
		}
	}
}
