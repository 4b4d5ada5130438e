# One line a job; what is longer lives in scripts/, e2e/stages and e2e/bench.
# `make test` is what CI runs.

GO ?= go
# Nothing but the runtime is inlined, and functions lie closer (docs/decisions/0012-nothing-inlined.md).
GCFLAGS = all=-l runtime/...= internal/...= sync/...=
LDFLAGS = -s -w -funcalign=16

.PHONY: build build-exchange demo test quick parts bench bench-go lint snapshot clean

build: ## the program, as it is released
	CGO_ENABLED=0 $(GO) build -trimpath -tags nethttpomithttp2 $(GCFLAGS:%=-gcflags=%) -ldflags "$(LDFLAGS)" -o kubecred .

build-exchange: ## the service, as it is released
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o kubecred-exchange ./ldapexchange/kubecred-exchange

demo: ## a provider and a directory, sign-ins and cached answers, touching nothing of yours
	@$(GO) run ./internal/demo

test: ## everything: the quick tests, then the real parts; a summary at the end
	@$(GO) -C e2e run ./stages test

quick: ## the quick tests alone
	$(GO) test ./...

parts: ## install and build what the end-to-end tests drive
	@$(GO) -C e2e run ./stages parts

bench: ## what a call and the exchange cost, as the tables of docs/performance.md; three minutes
	@$(GO) -C e2e run ./bench

bench-go: ## Go's benchmarks of every package
	$(GO) test -run '^$$' -bench . -benchmem ./...

lint: ## what reads the code without running it
	@scripts/lint

snapshot: ## the release archives, unsigned and unpublished, into dist/
	@scripts/goreleaser release --snapshot --clean

clean: ## what was built or fetched
	rm -rf .build dist kubecred kubecred-exchange
