# A thin front for CMake. `make`, `make demo`, `make test` and `make check` also install the Debian packages that are missing.
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
export JOBS

.PHONY: build configure demo test check docs tour asan bench format lint install uninstall clean packages

# The libraries, the command and the examples; the tests are built by `make test` alone.
build: configure
	@cmake --build build -j $(JOBS) --target product

demo: configure
	@cmake --build build -j $(JOBS) --target heed-command dates-generate
	@scripts/demo build

test: packages
	@scripts/install-packages neon || true # without them that part is skipped
	@scripts/install-packages python || true
	@scripts/test

# Everything, at most an hour; writes docs/checked.md.
check: packages
	@scripts/install-packages neon || true # what is missing is skipped
	@scripts/install-packages python || true
	@scripts/install-packages check || true
	@scripts/check

# The documents as a static site in build/site/html.
docs: configure
	@scripts/install-packages docs
	@cmake --build build -j $(JOBS) --target heed-command
	@scripts/site build

tour: build
	@scripts/tour build

asan: packages
	@scripts/test asan

bench: build
	build/heed bench

format:
	git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

lint: build
	@scripts/lint

install: build
	cmake --install build --prefix "$(PREFIX)"

uninstall:
	cmake -DPREFIX="$(PREFIX)" -P cmake/Uninstall.cmake

clean:
	rm -rf build build-*

configure: packages
	@cmake --preset release >build.log || { cat build.log; exit 1; }; rm -f build.log

packages:
	@scripts/install-packages
