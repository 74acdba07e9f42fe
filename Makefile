# ngx_selkies
#
#   make            the module, build/ngx_http_selkies_module.so, and the programs of the session
#   make run        a desktop at http://localhost:3000/; Ctrl-C ends it
#   make test       everything that tests
#   make test-image the container image, built and tried (as root)
#   make bench      the scoreboard
#   make install    into the distribution's places, honours DESTDIR
#
# NGINX_SRC is where nginx was configured: Debian's nginx-dev, or an unpacked
# tarball of the version that `nginx -v` prints.  SANITIZE=address,undefined
# (or thread) builds into a folder of its own.

CC        ?= gcc
CLANG     ?= clang-14
NGINX_SRC ?= /usr/share/nginx/src
NGINX     ?= /usr/sbin/nginx
DESTDIR   ?=
PROVE     ?= prove
JOBS      ?= 2

empty     :=
comma     := ,
BUILD     := build$(if $(SANITIZE),/$(firstword $(subst $(comma), ,$(SANITIZE))))
ROOT      := $(abspath .)
ABUILD    := $(ROOT)/$(BUILD)

MODULE    := $(BUILD)/ngx_http_selkies_module.so
XVFB      := $(BUILD)/selkies-xvfb
AGENT     := $(BUILD)/selkies-agent
PRELOAD   := $(BUILD)/preload

WARNINGS  := -Wall -Wextra -Wno-unused-parameter -Wshadow -Wpointer-arith
HARDEN    := $(if $(SANITIZE),-fno-omit-frame-pointer -fsanitize=$(SANITIZE),-fstack-protector-strong -D_FORTIFY_SOURCE=2)
OPTIMIZE  := $(if $(SANITIZE),-O1 -g,-O2 -g)
OUR_CFLAGS  = $(OPTIMIZE) -fPIC $(WARNINGS) $(HARDEN) $(CFLAGS)
OUR_LDFLAGS = $(if $(SANITIZE),-fsanitize=$(SANITIZE),-Wl$(comma)-z$(comma)relro -Wl$(comma)-z$(comma)now) $(LDFLAGS)

ROOMS     := ngx_selkies_module capture encoders
SOURCES   := $(foreach room,$(ROOMS),$(wildcard $(room)/*.c))
HEADERS   := $(foreach room,$(ROOMS),$(wildcard $(room)/*.h))
CORE      := $(filter-out ngx_selkies_module/ngx_%,$(SOURCES))
CORE_OBJS := $(CORE:%.c=$(BUILD)/core/%.o)
CORE_LIBS := -lX11 -lX11-xcb -lxcb -lxcb-shm -lXau -lXtst -lXi -lXdamage -lXfixes -lXrandr \
             -lx264 -lturbojpeg -lpulse -lopus -lpng -lfreetype -lfontconfig -ljansson -lm -lpthread
CORE_CFLAGS = -std=gnu11 -DSELKIES_HAVE_X264=1 -DSELKIES_HAVE_JPEG=1 -DSELKIES_HAVE_SOUND=1 -I/usr/include/freetype2 -Werror $(OUR_CFLAGS)
CORE_BENCHES := $(addprefix $(BUILD)/bench/,convert_bench lite_bench move_bench)

UNITS     := $(filter-out %_doc,$(patsubst t/unit/%.c,$(BUILD)/unit/%,$(wildcard t/unit/*.c)))
TOOLS     := $(patsubst t/lib/%.c,$(BUILD)/t/%,$(wildcard t/lib/*.c))
FUZZERS   := $(patsubst t/fuzz/%.c,build/fuzz/%,$(wildcard t/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60

.PHONY: all module run test test-image unit check lint lint-c lint-js bench fuzz fuzz-smoke fuzzers soak docs clip install clean \
        asan tsan static tools units core
.DELETE_ON_ERROR:


all: module $(XVFB) $(AGENT) $(if $(SANITIZE),,$(PRELOAD)/.built)

module: $(MODULE)


# packages: installed once, when a list has changed

build/.packages-%: docker/packages/%.txt docker/packages/install
	@mkdir -p build
	@docker/packages/install $*
	@touch $@


# the module, by nginx's own build

FLAGS := $(CC)|$(OUR_CFLAGS)|$(OUR_LDFLAGS)|$(NGINX_SRC)|$(SELKIES_X264)|$(SELKIES_JPEG)|$(SELKIES_SOUND)|$(SOURCES)

$(BUILD)/.flags: FORCE
	@mkdir -p $(BUILD)
	@printf '%s\n' '$(FLAGS)' | cmp -s - $@ || printf '%s\n' '$(FLAGS)' >$@

FORCE:

$(BUILD)/nginx/Makefile: config Makefile $(BUILD)/.flags | build/.packages-build
	@for source in $(SOURCES); do \
	    grep -q "dir/$$source[ \"]" config || { printf '%s\n' "config does not name $$source"; exit 1; }; \
	done
	@printf '  CONFIGURE  %s\n' '$(NGINX_SRC)'
	@rm -rf $(BUILD)/nginx
	@cd '$(NGINX_SRC)' && SELKIES_X264='$(SELKIES_X264)' SELKIES_JPEG='$(SELKIES_JPEG)' \
	    SELKIES_SOUND='$(SELKIES_SOUND)' bash -c '\
	    NGX_CONF_FLAGS=(--with-compat); \
	    if [ -f conf_flags ]; then . ./conf_flags; fi; \
	    ./configure "$${NGX_CONF_FLAGS[@]}" --with-cc="$(CC)" \
	        --with-cc-opt="$(OUR_CFLAGS)" --with-ld-opt="$(OUR_LDFLAGS)" \
	        --builddir="$(ABUILD)/nginx" --add-dynamic-module="$(ROOT)"' \
	    >$(ABUILD)/configure.log 2>&1 || { tail -n 20 $(ABUILD)/configure.log; exit 1; }

$(MODULE): $(BUILD)/nginx/Makefile $(SOURCES) $(HEADERS)
	@printf '  MODULE     %s\n' '$@'
	@$(MAKE) --no-print-directory -s -f $(ABUILD)/nginx/Makefile -C '$(NGINX_SRC)' modules
	@cp $(BUILD)/nginx/ngx_http_selkies_module.so $@.new && mv $@.new $@


# all that knows no nginx, by itself: what proves that it needs none

core: $(BUILD)/core/libselkies.a

$(BUILD)/core/%.o: %.c $(HEADERS) Makefile | build/.packages-build
	@mkdir -p $(@D)
	@printf '  CC         %s\n' '$<'
	@$(CC) $(CORE_CFLAGS) -c -o $@ $<

$(BUILD)/core/libselkies.a: $(CORE_OBJS)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/unit/%: t/unit/%.c $(wildcard t/unit/*.h) $(BUILD)/core/libselkies.a
	@mkdir -p $(@D)
	@printf '  UNIT       %s\n' '$*'
	@$(CC) $(CORE_CFLAGS) -o $@ $< $(BUILD)/core/libselkies.a $(OUR_LDFLAGS) $(CORE_LIBS)

$(BUILD)/t/%: t/lib/%.c Makefile | build/.packages-build
	@mkdir -p $(@D)
	@printf '  TOOL       %s\n' '$*'
	@$(CC) $(CORE_CFLAGS) -o $@ $< $(OUR_LDFLAGS) -lX11 -lXtst -lXrandr -lXfixes -lopus -lpulse -lm

$(XVFB): $(wildcard capture/session/selkies-xvfb*.[ch]) Makefile | build/.packages-build
	@mkdir -p $(@D)
	@printf '  PROGRAM    %s\n' '$@'
	@$(CC) $(CORE_CFLAGS) -o $@ $(filter %.c,$^) $(OUR_LDFLAGS) -lxcb -lxcb-randr

$(AGENT): $(wildcard capture/session/selkies-agent*.[ch]) Makefile | build/.packages-build
	@mkdir -p $(@D)
	@printf '  PROGRAM    %s\n' '$@'
	@$(CC) $(CORE_CFLAGS) -o $@ $(filter %.c,$^) $(OUR_LDFLAGS)

# libraries for the desktop's programs, in the folders that $LIB of the dynamic
# linker means; those of 32 bits where the compiler can make them

PRELOAD_CFLAGS = -std=gnu11 -O2 -g -fPIC -shared -fvisibility=hidden -fstack-protector-strong \
                 -Werror $(WARNINGS) $(CFLAGS) -Wl,-z,relro -Wl,-z,now $(LDFLAGS)

$(PRELOAD)/.built: $(wildcard capture/session/joystick*.[ch] capture/session/udev*) Makefile | build/.packages-build
	@printf '  PRELOAD    %s\n' '$(PRELOAD)'
	@rm -rf $(PRELOAD)
	@set -e; for bits in '' -m32; do \
	    if [ -n "$$bits" ] && ! echo '#include <errno.h>' | $(CC) $$bits -shared -fPIC -xc - -o /dev/null 2>/dev/null; \
	    then continue; fi; \
	    folder=$$($(CC) $$bits -print-multiarch); \
	    folder=$(PRELOAD)/lib$${folder:+/$$folder}; \
	    mkdir -p $$folder; \
	    $(CC) $$bits $(PRELOAD_CFLAGS) -o $$folder/selkies_joystick_interposer.so \
	        $(filter %.c,$(filter capture/session/joystick%,$^)) -ldl -lpthread; \
	    $(CC) $$bits $(PRELOAD_CFLAGS) -Wl,-soname,libudev.so.1 -Wl,--version-script=capture/session/udev.map \
	        -o $$folder/libudev.so.1 $(filter %.c,$(filter capture/session/udev%,$^)); \
	done
	@touch $@

units: $(UNITS)
tools: $(TOOLS)


# nginx with the module linked in, all of it under the sanitizers; with
# NGX_DEBUG_PALLOC each allocation of a pool is one that they see

STATIC_CFLAGS  := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -DNGX_DEBUG_PALLOC=1
STATIC_MODULES := --with-compat --with-debug --with-threads --with-http_ssl_module --with-http_v2_module \
                  --with-http_auth_request_module --with-http_realip_module --with-http_stub_status_module \
                  --error-log-path=stderr

build/nginx-src/configure: t/nginx-source
	@t/nginx-source build/nginx-src
	@touch $@

build/static/Makefile: config Makefile build/nginx-src/configure | build/.packages-build
	@printf '  CONFIGURE  %s\n' 'build/nginx-src'
	@mkdir -p build/static && rm -f build/static/old.h
	@if [ -f build/static/ngx_auto_config.h ]; then mv build/static/ngx_auto_config.h build/static/old.h; fi
	@cd build/nginx-src && ./configure $(STATIC_MODULES) --with-cc='$(CC)' --with-cc-opt='$(STATIC_CFLAGS)' \
	    --with-ld-opt=-fsanitize=address,undefined --builddir='$(ROOT)/build/static' --add-module='$(ROOT)' \
	    >$(ROOT)/build/static.log 2>&1 || { tail -n 20 $(ROOT)/build/static.log; exit 1; }
	@if cmp -s build/static/old.h build/static/ngx_auto_config.h; then \
	    mv build/static/old.h build/static/ngx_auto_config.h; fi

build/static/nginx: build/static/Makefile $(SOURCES) $(HEADERS)
	@printf '  STATIC     %s\n' '$@'
	@$(MAKE) --no-print-directory -s -f $(ROOT)/build/static/Makefile -C build/nginx-src binary

static: build/static/nginx


run: all build/.packages-run
	@BUILD_DIR='$(ABUILD)' exec docker/root/usr/bin/selkies-run


# tests

node_modules/.package-lock.json: package-lock.json build/.packages-test
	@npm ci --silent
	@touch $@

# one package list after the other, then as much side by side as JOBS says

test: build/.packages-build build/.packages-run build/.packages-test node_modules/.package-lock.json
	@$(MAKE) --no-print-directory -j$(JOBS) all units tools $(CORE_BENCHES)
	@MAKEFLAGS= t/run-all

test-image: build/.packages-build build/.packages-test
	@docker/test/run

check: all units tools
	@$(PROVE) -j$(JOBS) t/*.t $(UNITS)

unit: units
	@$(PROVE) -j$(JOBS) $(UNITS)

lint: lint-c lint-js

lint-c:
	@t/lint-c

lint-js: node_modules/.package-lock.json
	@npx --no-install eslint --max-warnings 0 web t/browser
	@npx --no-install tsc -p tsconfig.json

asan:
	@$(MAKE) --no-print-directory SANITIZE=address,undefined all units

tsan:
	@$(MAKE) --no-print-directory SANITIZE=thread build/thread/unit/ring build/thread/unit/join


# fuzzers: make fuzz FUZZ_SECONDS=3600

FUZZ_CORE := $(filter ngx_selkies_module/selkies_%,$(CORE))
FUZZ_CORE := $(filter-out ngx_selkies_module/selkies_engine% \
                          ngx_selkies_module/selkies_control% \
                          %/selkies_thread.c,$(FUZZ_CORE))
FUZZ_CORE += $(filter encoders/cavlc.c encoders/convert% encoders/h264.c encoders/lite% encoders/motion.c \
                      encoders/picture.c encoders/png.c encoders/text.c encoders/transform.c,$(CORE))

FUZZ_OBJS := $(FUZZ_CORE:%.c=build/fuzz/core/%.o)
FUZZ_CC    = $(CLANG) -std=gnu11 -D_GNU_SOURCE -O1 -g $(WARNINGS) -Werror \
             -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

build/fuzz/core/%.o: %.c $(HEADERS) Makefile | build/.packages-test
	@mkdir -p $(@D)
	@$(FUZZ_CC) -c -o $@ $<

build/fuzz/libselkies.a: $(FUZZ_OBJS)
	@rm -f $@
	@ar rcs $@ $^

build/fuzz/%: t/fuzz/%.c t/fuzz/replay.h build/fuzz/libselkies.a
	@mkdir -p $(@D)
	@printf '  FUZZER     %s\n' '$*'
	@$(FUZZ_CC) -o $@ $< build/fuzz/libselkies.a -ljansson -lm

fuzzers: $(FUZZERS)

fuzz fuzz-smoke: $(FUZZERS)
	@$(MAKE) --no-print-directory -j$(JOBS) $(FUZZERS:build/fuzz/fuzz_%=fuzz-of-%)

fuzz-of-%:
	@mkdir -p build/fuzz/corpus/$*
	@printf 'fuzz_%s: %s s\n' $* $(FUZZ_SECONDS)
	@build/fuzz/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=512 \
	    -verbosity=0 -print_final_stats=1 -artifact_prefix=build/fuzz/ \
	    $(addprefix -dict=,$(wildcard t/fuzz/$*.dict)) build/fuzz/corpus/$* t/fuzz/corpus/$*

soak: all units tools
	@SELKIES_SOAK=1 $(PROVE) t/*.t

$(BUILD)/bench/%: t/bench/%.c $(BUILD)/core/libselkies.a
	@mkdir -p $(@D)
	@$(CC) $(CORE_CFLAGS) -o $@ $< $(BUILD)/core/libselkies.a $(OUR_LDFLAGS) $(CORE_LIBS)

# the loads, the meters and the floors of the scoreboard, which stand alone

BENCH_CFLAGS   = -std=gnu11 -Werror -O2 -g $(WARNINGS) $(CFLAGS)
BENCH_PROGRAMS := $(addprefix build/bench/,load meter fan floor)
BENCH_HEADERS  := $(wildcard t/bench/*.h)

build/bench/load: $(addprefix t/bench/,load.c frames.c stamp.c)
build/bench/meter: $(wildcard t/bench/meter*.c) $(addprefix t/bench/,wire.c proc.c stamp.c)
build/bench/fan: $(addprefix t/bench/,fan.c proc.c stamp.c)
build/bench/floor: $(addprefix t/bench/,floor.c frames.c stamp.c)

build/bench/load: BENCH_LIBS = -lX11 -lXext -lm
build/bench/meter: BENCH_LIBS = -lavcodec -lavutil -lturbojpeg -lz -lX11 -lm -lpthread
build/bench/floor: BENCH_LIBS = -lx264 -lm

$(BENCH_PROGRAMS): $(BENCH_HEADERS) Makefile | build/.packages-build build/.packages-bench
	@mkdir -p $(@D)
	@printf '  BENCH      %s\n' '$(@F)'
	@$(CC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^) $(LDFLAGS) $(BENCH_LIBS)

# QUICK=1: one short run; RUNS=n; SIZES="1920x1080 3840x2160"

bench: all tools build/.packages-run $(BENCH_PROGRAMS) $(CORE_BENCHES)
	@QUICK='$(QUICK)' RUNS='$(RUNS)' SIZES='$(SIZES)' t/bench/run

docs: $(BUILD)/unit/settings_doc
	@$(BUILD)/unit/settings_doc >docs/settings.md

# what the client tests its decoder with, after a change of the lite writer

clip: $(BUILD)/unit/lite_clip
	@$(BUILD)/unit/lite_clip --print >$(BUILD)/lite-clip.js
	@mv $(BUILD)/lite-clip.js web/media/lite-clip.js


# installing: the places of the distribution's nginx

NGINX_MODULES ?= /usr/lib/nginx/modules
NGINX_CONF    ?= /etc/nginx
WEB           ?= /usr/share/selkies/web
VERSION       := $(shell sed -n 's/^#define SELKIES_VERSION *"\(.*\)"/\1/p' ngx_selkies_module/ngx_http_selkies_module.h)

install: all
	@docker/install-files '$(DESTDIR)' '$(MODULE)' '$(XVFB)' '$(NGINX_MODULES)' '$(NGINX_CONF)' '$(WEB)' '$(VERSION)'

clean:
	@rm -rf build
