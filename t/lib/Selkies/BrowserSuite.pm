package Selkies::BrowserSuite;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What every browser has to show of the client in web/: pixels, sizes, input,
# lite pictures, latency, a reload, a takeover, no console error.

use strict;
use warnings;

use Test::More;

use JSON::PP;

use Selkies;
use Selkies::Browser;
use Selkies::HTTP;
use Selkies::X;

# One server with the shipped headers, another origin beside it.

sub start {
	my ($class, $name, $path) = @_;

	my $missing = Selkies::Browser->missing($path);

	plan(skip_all => $missing) if $missing;

	my $t = Selkies->new(x => '2560x1600', workers => 2, timeout => 240);

	$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%
    client_max_body_size 64m;

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;

        location / {
            root %%WEB%%;
            %%SELKIES%%
            selkies_title "Test desk";
        }
    }

    server {
        listen %%PORT_1%%;
        location / {
            root %%TESTDIR%%/html;
        }
    }
}
EOC
	$t->write_file('html/index.html',
		'<!doctype html><link rel=icon href=data:,><title>other</title>');

	my $x = $t->x_client();

	$x->tell('card');
	$t->run();

	return $class->attach($t, $x, $name, $path);
}

# A browser at a server that runs; below `place`.

sub attach {
	my ($class, $t, $x, $name, $path, $place) = @_;

	return bless { t => $t, x => $x, name => $name,
		url => 'http://localhost:' . $t->port() . ($place || '/'),
		browser => Selkies::Browser->new($t, $name, $path) }, $class;
}

sub run {
	my ($self) = @_;

	$self->$_() for qw/ picture lite sizes keyboard pointer lock latency
		reload viewer takeover cross_origin /;

	$self->{browser}->quit();
	$self->{t}->done();
}

sub open_page {
	my ($self, %o) = @_;

	my $fragment = delete $o{fragment} || '';

	return $self->{browser}->live("$self->{url}?probe=1$fragment", %o);
}

sub close_page { $_[0]->{browser}->command('close') }

# Colours the page has decoded at some points.

sub probe {
	my ($self, @points) = @_;

	my $list = join ',', map { "{x:$_->[0],y:$_->[1]}" } @points;

	return $self->{browser}->eval("return await __selkies.probe([$list]);");
}

# How far a colour is from the wanted one.  Chromium hands out what was decoded.
# Firefox hands out what it made of that for the screen, and its converter
# holds BT.709's 2.112 for blue in seven bits, as 2.0: it misses strong blues and
# yellows by up to 8 in any video, so that counts as right there.

sub worst {
	my ($self, $have, $want) = @_;

	my ($r, $g, $b) = @$want;
	my $y = 0.2126 * $r + 0.7152 * $g + 0.0722 * $b;
	my $short = (2.1124 - 2.0) * 224 / 255 * ($b - $y) / 1.8556;
	my ($exact, $most) = (0, 0);

	for (0 .. 2) {
		my $d = abs $have->[$_] - $want->[$_];

		$exact = $d if $d > $exact;
		$d = abs $have->[2] - ($b - $short) if $_ == 2;
		$most = $d if $d > $most;
	}

	return $self->{name} eq 'chromium' || $exact < $most ? $exact : $most;
}

# The worst of the eight patches, in the middle and 3 pixels from its edges.

sub card {
	my ($self) = @_;

	my ($w, $h) = split /x/, $self->{x}->size();
	my @patches = Selkies::X->patches();
	my (@points, @middle, @edge);

	for my $i (0 .. 7) {
		my ($l, $r) = map { int $w * $_ / 4 } $i % 4, $i % 4 + 1;
		my ($u, $d) = map { int $h * $_ / 2 } int $i / 4, int($i / 4) + 1;

		push @points, [ ($l + $r) >> 1, ($u + $d) >> 1 ], [ $l + 3, $u + 3 ],
			[ $r - 5, $d - 5 ];
	}

	my $seen = $self->probe(@points);

	return (255, 255) unless $seen && $seen->{rgb}
		&& $seen->{width} == $w && $seen->{height} == $h;

	for my $i (0 .. 7) {
		my @rgb = @{ $seen->{rgb} }[3 * $i .. 3 * $i + 2];

		push @middle, $self->worst($rgb[0], $patches[$i]);
		push @edge, map { $self->worst($_, $patches[$i]) } @rgb[1, 2];
	}

	return map { (sort { $b <=> $a } @$_)[0] } \@middle, \@edge;
}

sub card_is_right {
	my ($self, $name) = @_;

	my ($middle, $edge);

	wait_for { ($middle, $edge) = $self->card(); $middle <= 4 && $edge <= 8 } 6;

	cmp_ok($middle, '<=', 4, "$name: patches within 4 of 255");
	cmp_ok($edge, '<=', 8, "$name: within 8 at their edges");
}

###############################################################################

sub picture {
	my ($self) = @_;

	$self->open_page();
	$self->card_is_right('test card');
	is($self->{browser}->eval('return document.title'), 'Test desk',
		'the title of the manifest');
	ok($self->{browser}->eval('return __selkies.extended'),
		'the additions are negotiated');
	$self->problems('start');
}

# The self-test with the clip, with clips that are broken and with no decoder:
# the body of a function, which returns the results.

sub lite_script {
	return <<'EOC';
	const [{ testLite }, { CLIP }] = await Promise.all(
		['media/lite.js', 'media/lite-clip.js'].map(
			name => import(new URL(name, document.baseURI).href)));
	const changed = (i, change) => {
		const clip = structuredClone(CLIP);
		const bytes = Uint8Array.from(atob(clip.pictures[i].data),
			c => c.charCodeAt(0));

		clip.pictures[i].data = btoa(String.fromCharCode(...change(bytes)));
		return clip;
	};
	const results = {
		any: await testLite(CLIP, false),
		software: await testLite(CLIP, true),
		noise: await testLite(changed(3, bytes => bytes.map(
			(byte, i) => i < 12 ? byte : byte ^ 0x5a)), false),
		repeated: await testLite(changed(2, () => Uint8Array.from(
			atob(CLIP.pictures[1].data), c => c.charCodeAt(0))), false)
	};
	const kept = Object.getOwnPropertyDescriptor(globalThis, 'VideoDecoder');

	delete globalThis.VideoDecoder;
	results.none = await testLite(CLIP, false);
	Object.defineProperty(globalThis, 'VideoDecoder', kept);
	return results;
EOC
}

sub lite_results {
	my ($results, $name) = @_;

	ok(ref $results, "$name: the self-test runs") or return diag($results);

	is($results->{$_}{result}, 'passed', "$name: decoder preference \"$_\" "
		. 'passes the self-test') or diag($results->{$_}{detail})
		for qw/ any software /;
	note("$name: $results->{any}{detail}");
	isnt($results->{$_}{result}, 'passed', "$name: a clip with a picture "
		. "that is $_ does not pass") for qw/ noise repeated /;
	is($results->{none}{result}, 'missing', "$name: no decoder, no test");
}

# Small changes, seen by the page; how many of them came as lite pictures.

sub lites {
	my ($self) = @_;

	my (undef, $body) = split /\r\n\r\n/, $self->{t}->http_get('/api/status'),
		2;

	return decode_json($body)->{statistics}{lites};
}

sub small_changes {
	my ($self, $name) = @_;

	my $before = $self->lites();
	my $shown = 0;

	for my $i (0 .. 9) {
		my @colour = (16 + 20 * $i, 200 - 12 * $i, 96);

		$self->{x}->draw(36 + 4 * $i, 52, 12, 12,
			sprintf '%02x%02x%02x', @colour);
		$shown++ if wait_for {
			my $seen = $self->probe([ 42 + 4 * $i, 58 ]);
			return $seen && $seen->{rgb} && $seen->{rgb}[0]
				&& $self->worst($seen->{rgb}[0], \@colour) <= 12;
		} 5;
	}

	is($shown, 10, "$name: small changes show");

	return $self->lites() - $before;
}

sub again {
	my ($self, $state) = @_;

	my $b = $self->{browser};

	$b->eval('globalThis.old = 1; setTimeout(() => location.reload(), 0);');

	return ok(wait_for(sub { eval { $b->eval("return globalThis.old !== 1
		&& __selkies.state === 'live' && __selkies.lite === '$state'") } }, 20),
		"loaded again: $state") || diag(eval { $b->eval('return __selkies.lite') });
}

sub lite {
	my ($self) = @_;

	my $b = $self->{browser};

	is($b->until("__selkies.lite === 'passed' && 'passed'", 10), 'passed',
		'the decoder is tested') or diag($b->eval('return __selkies.lite'));

	my $n;

	wait_for { ($n = $self->small_changes('lite pictures')) >= 5 } 5;
	cmp_ok($n, '>=', 5, 'the server has been told');
	lite_results($b->eval(lite_script()), $self->{name});

	# what is remembered counts

	$b->eval("const entry = JSON.parse(localStorage.getItem('selkies-lite-1'));
		entry.result = 'wrong';
		localStorage.setItem('selkies-lite-1', JSON.stringify(entry));");
	$self->again('wrong');
	is($self->small_changes('no lite pictures'), 0, 'the server is not told');
	$b->eval("localStorage.clear()");
	$self->again('passed');
	like($b->until("localStorage.getItem('selkies-lite-1')", 5),
		qr/"result":"passed"/, 'remembered');
	$self->again('passed');

	$self->{x}->tell('card');
	$self->card_is_right('after lite pictures');
	$self->problems('lite pictures');
}

sub sizes {
	my ($self) = @_;

	my $b = $self->{browser};

	# the window is made smaller and larger
	for my $size ([ 801, 601 ], [ 640, 480 ], [ 1279, 799 ]) {
		my ($w, $h) = @$size;
		my $want = ($w & ~1) . 'x' . ($h & ~1);

		$b->command('viewport', width => $w, height => $h);
		ok(wait_for(sub { $self->{x}->size() eq $want }, 8),
			"window of $w x $h: X has $want") or diag($self->{x}->size());
		$self->card_is_right("window of $w x $h");
	}

	$self->close_page();

	for my $dpr (1, 1.25, 1.5, 2) {
		$self->open_page(dpr => $dpr, width => 1001, height => 603);

		my $got = $b->eval('return devicePixelRatio');

		SKIP: {
			skip "device pixel ratio $dpr is not to be had ($got)", 4
				if abs($got - $dpr) > 0.001;

			my $want = (int(1001 * $dpr) & ~1) . 'x' . (int(603 * $dpr) & ~1);

			ok(wait_for(sub { $self->{x}->size() eq $want }, 8),
				"ratio $dpr: X has $want") or diag($self->{x}->size());
			$self->card_is_right("ratio $dpr");

			my $shown = $b->eval("
				const box = document.getElementById('screen')
					.getBoundingClientRect();
				return [box.width * devicePixelRatio,
					box.height * devicePixelRatio].map(Math.round).join('x');");

			is($shown, $want, "ratio $dpr: shown pixel by pixel");
		}

		$self->close_page();
	}

	$self->{main} = $self->open_page();
	wait_for { $self->{x}->size() eq '1000x600' } 8;
}

sub keyboard {
	my ($self) = @_;

	my ($b, $x) = @$self{qw/ browser x /};

	ok($b->until('document.activeElement.id === "keys"', 10),
		'the keyboard has the focus');
	$b->command('click', x => 500, y => 300);
	$x->events();
	$b->command('type', text => 'Hello, World 42!');

	my @want = map { sprintf '%x', ord } split //, 'Hello, World 42!';
	my @got;

	while (@got < @want) {
		my $line = $x->wait(qr/^key press/, 3) or last;
		my ($sym) = $line =~ /0x(\w+)/;

		push @got, $sym unless $sym =~ /^ffe/;
	}

	is("@got", "@want", 'typed text arrives');

	$x->events();
	$b->command('press', key => $_) for qw/ Enter ArrowLeft F5 Escape /;
	is(join(' ', map { ($x->wait(qr/^key press/, 3) || '') =~ /0x(\w+)/ }
		1 .. 4), 'ff0d ff51 ffc2 ff1b', 'named keys, F5 too');

	$b->command('down', key => 'Control');
	$b->command('press', key => 'c');
	$b->command('up', key => 'Control');
	ok($x->wait(qr/^key press \d+ 0x63 state 0x4/, 3), 'Control-C');
	ok(wait_for(sub { !$x->keys() }, 3), 'nothing is held');
}

sub pointer {
	my ($self) = @_;

	my ($b, $x) = @$self{qw/ browser x /};

	$b->command('move', x => 123, y => 234);
	ok(wait_for(sub { join(',', ($x->pointer())[0, 1]) eq '123,234' }, 3),
		'the pointer follows') or diag(join ',', $x->pointer());
	$x->events();
	$b->command('click', x => 321, y => 123);
	like($x->wait(qr/^button press/, 3), qr/press 1 .* at 321 123/, 'a click');
	$b->command('click', x => 321, y => 123, button => 'right');
	like($x->wait(qr/^button press/, 3), qr/press 3 /, 'the right button');
	$b->command('wheel', dx => 0, dy => 120);
	like($x->wait(qr/^button press/, 3), qr/press 5 /, 'the wheel, down');
	$b->command('wheel', dx => 0, dy => -120);
	like($x->wait(qr/^button press (?!5)/, 3), qr/press 4 /, 'and up');
}

# A page that has the pointer has no cursor: the picture gets it.

sub lock {
	my ($self) = @_;

	my ($b, $x) = @$self{qw/ browser x /};
	my @red = (0xe0, 0x20, 0x20);

	my $red_at = sub {
		my $p = $self->probe([ @_ ]);
		return $p && $p->{rgb} && $p->{rgb}[0]
			&& $self->worst($p->{rgb}[0], \@red) <= 12;
	};

	$x->tell('sprite 60 40 10 10 e02020');
	$b->command('move', x => 300, y => 250);
	ok(wait_for(sub { join(',', ($x->pointer())[0, 1]) eq '300,250' }, 3),
		'the pointer is where it will be locked');
	ok(!$red_at->(320, 260), 'the picture has no cursor');

	$b->command('down', key => $_) for qw/ Control Shift /;
	$b->command('click', x => 300, y => 250);
	$b->command('up', key => $_) for qw/ Shift Control /;
	ok($b->until('document.pointerLockElement !== null', 5),
		'the pointer is locked');
	ok(wait_for(sub { $red_at->(320, 260) }, 5), 'the picture has it');

	$b->eval('document.exitPointerLock()');
	ok($b->until('document.pointerLockElement === null', 5), 'and free again');
	ok(wait_for(sub { !$red_at->(320, 260) }, 5), 'the picture has none');

	$x->tell('cursor 68');
	$self->card_is_right('after the lock');
	$self->problems('lock');
}

# Key to decoded pixel: the X client flips a box at each press, the page sees
# it in what it has decoded.

sub latency {
	my ($self) = @_;

	my ($b, $x) = @$self{qw/ browser x /};
	my @ms;

	$x->tell('flip 608 160 96 96');

	for (1 .. 60) {
		$b->eval('globalThis.answered = __selkies.answer({x: 656, y: 208}, "kd");
			await __selkies.probe([{x: 0, y: 0}]);
			await new Promise(resolve => setTimeout(resolve, 20));');
		$b->command('press', key => 'a');

		my $ms = $b->eval('return await Promise.race([answered.then(a => a.ms),
			new Promise(resolve => setTimeout(resolve, 3000, -1))])');

		push @ms, $ms;
	}

	$x->tell('flip 0 0 0 0');
	$x->tell('card');

	is(scalar(grep { $_ < 0 } @ms), 0, 'every key shows');
	@ms = grep { $_ >= 0 } @ms;
	diag(sprintf '%s: key -> decoded pixel p50 %.1f ms, p95 %.1f ms (%d keys)',
		$self->{name}, percentile(50, @ms) // -1, percentile(95, @ms) // -1,
		scalar @ms);
	cmp_ok(percentile(50, @ms) // 9999, '<', 200 * slower(), 'soon');
}

sub reload {
	my ($self) = @_;

	my ($b, $t, $x) = @$self{qw/ browser t x /};

	# every state and whether a picture was on show, from here on
	$b->eval('globalThis.states = []; globalThis.dark = 0;
		globalThis.watcher = setInterval(() => {
			const state = __selkies.state;
			if (states.at(-1) !== state) { states.push(state); }
			const box = document.getElementById("screen")
				?.getBoundingClientRect();
			if (!box || box.width < 100) { dark++; }
		}, 5);');

	my $start = now_ms();

	$t->reload();
	$b->until('states.length > 1 || __selkies.frames > 0', 3);
	wait_for { my @w = $t->workers(); @w == 2 } 5;
	$x->draw(200, 400, 64, 64, '10e0a0');

	my $seen = wait_for {
		my $p = $self->probe([ 232, 432 ]);
		return $p && $p->{rgb} && $p->{rgb}[0]
			&& $self->worst($p->{rgb}[0], [ 0x10, 0xe0, 0xa0 ]) <= 12;
	} 10;

	ok($seen, 'after a reload of nginx new pictures come');
	note(sprintf '%s: %.0f ms after HUP', $self->{name}, now_ms() - $start);
	ok($b->until('__selkies.state === "live"', 5), 'live again');
	is($b->eval('clearInterval(watcher); return dark'), 0,
		'the last picture stays on show');
	note("$self->{name}: states " . join ' ', @{ $b->eval('return states') });

	$b->command('click', x => 500, y => 300);
	$x->events();
	$b->command('press', key => 'z');
	ok($x->wait(qr/^key press \d+ 0x7a/, 3), 'input works');

	$self->problems('reload');

	# a worker that is killed: an attempt to connect may come too early

	my $owner = $t->owner();

	$t->kill_worker($owner) if $owner;
	$x->draw(300, 400, 64, 64, 'e010a0');
	$seen = wait_for {
		my $p = $self->probe([ 332, 432 ]);
		return $p && $p->{rgb} && $p->{rgb}[0]
			&& $self->worst($p->{rgb}[0], [ 0xe0, 0x10, 0xa0 ]) <= 12;
	} 10;
	ok($seen, 'after kill -9 of the worker too');
	$x->tell('card');
	$self->card_is_right('after all that');
	$self->problems('kill -9', qr/websocket/i);
}

sub viewer {
	my ($self) = @_;

	my ($b, $x) = @$self{qw/ browser x /};

	$b->until('__selkies.state === "live"', 5);

	$self->open_page(fragment => '#shared', width => 700, height => 500);

	$self->card_is_right('a viewer');
	is($x->size(), '1000x600', 'which does not resize');
	$x->events();
	$b->command('click', x => 300, y => 200);
	$b->command('type', text => 'nothing');
	$b->eval('await new Promise(resolve => setTimeout(resolve, 200))');
	is(join(' | ', grep { !/^motion/ } $x->events()), '',
		'nor types nor clicks');
	$self->close_page();
	$b->command('page', n => $self->{main});
}

sub takeover {
	my ($self) = @_;

	my $b = $self->{browser};
	my $n = $self->open_page();

	$self->card_is_right('a second page that takes over');
	$b->command('page', n => $self->{main});
	is($b->until('__selkies.state === "taken" && "taken"', 5), 'taken',
		'the first one says so');
	$b->command('page', n => $n);
	$self->problems('takeover');
}

sub cross_origin {
	my ($self) = @_;

	my $b = $self->{browser};

	$b->command('open', width => 400, height => 300,
		url => 'http://localhost:' . $self->{t}->port(1) . '/');

	my $script = 'return await new Promise(resolve => {
		const socket = new WebSocket("ws://%s/websockets");
		socket.onopen = () => resolve("open");
		socket.onerror = () => resolve("refused");
	});';

	is($b->eval(sprintf $script, 'localhost:' . $self->{t}->port()), 'refused',
		'another origin cannot open the socket');
	$self->problems('another origin', qr/websocket/i);
	$self->close_page();
	ok($self->{t}->error_log() =~ /selkies_allowed_origins/,
		'the log says why');
}

sub problems {
	my ($self, @o) = @_;

	$self->{browser}->no_problems(@o);
}

1;
