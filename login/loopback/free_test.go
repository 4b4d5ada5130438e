package loopback

import (
	"net"
	"slices"
	"strconv"
	"testing"
)

func TestBusyTellsWhichPortsAreTaken(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	taken := held.Addr().String()
	busy, tried, err := Busy(t.Context(), Options{Addresses: []string{taken, "127.0.0.1:0"}})
	if err != nil || tried != 2 || !slices.Equal(busy, []string{taken}) {
		t.Errorf("busy %v of %d, %v", busy, tried, err)
	}
	// A redirect URL with a port leaves that one alone to be tried.
	_, port, err := net.SplitHostPort(taken)
	if err != nil {
		t.Fatal(err)
	}
	busy, tried, err = Busy(t.Context(), Options{Addresses: []string{taken, "127.0.0.1:0"}, RedirectURL: "http://localhost:" + port})
	if err != nil || tried != 1 || len(busy) != 1 {
		t.Errorf("busy %v of %d, %v", busy, tried, err)
	}
	held.Close()
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the look itself keeps nothing
		if busy, _, err := Busy(t.Context(), Options{Addresses: []string{net.JoinHostPort("localhost", strconv.Itoa(number))}}); err != nil || len(busy) > 0 {
			t.Errorf("busy %v, %v", busy, err)
		}
	}
	if _, _, err := Busy(t.Context(), Options{Addresses: []string{"0.0.0.0:1"}}); err == nil {
		t.Error("an address that is not on loopback was looked at")
	}
}
