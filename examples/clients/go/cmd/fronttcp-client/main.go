// The client as a program: prints each message as a line of JSON, sends each line of standard input. With
// FRONTTCP_REPLY='{"celsius": 21.5}' it replies so to every message that asks.
//
//	FRONTTCP_TOKEN=... go run ./cmd/fronttcp-client 127.0.0.1:8124 device-1 [recipient]
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"

	fronttcp "github.com/fronttcp/fronttcp/examples/clients/go"
)

func main() {
	token := os.Getenv("FRONTTCP_TOKEN")
	if len(os.Args) < 3 || token == "" {
		fmt.Fprintln(os.Stderr, "usage: FRONTTCP_TOKEN=... fronttcp-client host:port user-id [recipient]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	// Shorter for tests alone: a fleet that comes back at once is a flood.
	maxBackoffMs, _ := strconv.Atoi(os.Getenv("FRONTTCP_BACKOFF_MAX_MS"))
	verified := make(chan struct{}, 1)
	options := fronttcp.Options{
		Addr:       os.Args[1],
		UserID:     os.Args[2],
		Token:      token,
		MaxBackoff: time.Duration(maxBackoffMs) * time.Millisecond,
		OnMessage: func(message fronttcp.Message) error {
			_, err := fmt.Println(string(message.Body))
			return err
		},
		OnEvent: func(event fronttcp.Event) {
			fmt.Fprintln(os.Stderr, event.Name, string(event.Body))
			if event.Name == "verified" {
				select {
				case verified <- struct{}{}:
				default:
				}
			}
		},
	}
	if reply := os.Getenv("FRONTTCP_REPLY"); reply != "" {
		options.OnAsk = func(message fronttcp.Message) (any, error) {
			_, err := fmt.Println(string(message.Body))
			return json.RawMessage(reply), err
		}
	}
	client := fronttcp.New(options)
	go sendLines(client, verified)
	if err := client.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func sendLines(client *fronttcp.Client, verified <-chan struct{}) {
	<-verified
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var err error
		if len(os.Args) > 3 {
			_, err = client.Send(os.Args[3], lines.Text())
		} else {
			_, err = client.Broadcast(lines.Text())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "not sent:", err)
		}
	}
}
