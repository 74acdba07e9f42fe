#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What the client costs to load, as nginx delivers it to chromium: from the tree,
# installed as a bundle and installed as modules.  The server is 100 ms away, so what
# is asked for before the socket and what beside it can be told apart.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use File::Find ();

use Selkies;
use Selkies::Browser;
use Selkies::X;

my $missing = Selkies::Browser->missing('/usr/bin/chromium');

plan(skip_all => $missing) if $missing;

# The limits of the client's design.

my $REQUESTS = 8;
my $BEFORE_BYTES = 20 * 1024;
my $ALL_BYTES = 75 * 1024;
my $RAW_BYTES = 240 * 1024;
my $LINES = 500;
my $AWAY_MS = 100;

my $root = Selkies::root();
my $t = Selkies->new(x => '1280x800', timeout => 240);
my $dir = $t->dir();
my ($version) = $t->read_file(
	"$root/ngx_selkies_module/ngx_http_selkies_module.h")
	=~ /SELKIES_VERSION\s+"([^"]+)"/;

# One way to serve it: name => folder.  What is installed has its own headers.

my %form = (tree => "$root/web");
my %headers = (tree => "$root/conf/selkies-headers.conf");

for my $client (qw/ bundle modules /) {
	my $dest = "$dir/$client";

	# what is installed beside the client does not matter here
	mkdir "$dir/fake";
	mkdir "$dir/fake/preload";
	$t->write_file("fake/$_", '') for qw/ module.so selkies-xvfb selkies-agent /;

	local $ENV{CLIENT} = $client;
	my $output = `'$root/docker/install-files' '$dest' '$dir/fake/module.so' \\
		'$dir/fake/selkies-xvfb' /modules /etc/nginx /web $version 2>&1`;

	ok($? == 0, "installed as $client") or diag($output);
	$form{$client} = "$dest/web";
	$headers{$client} = "$dest/usr/share/selkies/conf/selkies-headers.conf";
}

my $servers = '';
my @order = qw/ tree modules bundle /;

for my $i (0 .. $#order) {
	my $name = $order[$i];

	$servers .= <<"EOC";
    server {
        listen %%PORT_$i%%;
        include $headers{$name};
        access_log %%TESTDIR%%/logs/$name.log cost;
        location / {
            root $form{$name};
            %%SELKIES%%
        }
    }
EOC
}

# `make run` compresses what is not there in a compressed form

$t->conf(<<"EOC");
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%
    gzip on;
    gzip_static on;
    gzip_types text/css text/javascript application/javascript
               application/json application/manifest+json image/svg+xml;
    log_format cost '\$msec \$request_time \$body_bytes_sent '
                    '"\$sent_http_content_encoding" \$uri';
$servers
}
EOC

my $x = $t->x_client();

$x->tell('card');
$t->run();

my $browser = Selkies::Browser->new($t, 'chromium', '/usr/bin/chromium');

# The requests of a page, by the time at which they came.

sub requests {
	my ($name) = @_;
	my @all;

	for (split /\n/, $t->read_file("logs/$name.log")) {
		my ($end, $took, $bytes, $encoding, $uri)
			= /^(\S+) (\S+) (\d+) "(.*?)" (\S+)$/ or next;

		push @all, { at => 1000 * ($end - $took), bytes => $bytes,
			encoding => $encoding, uri => $uri };
	}

	return sort { $a->{at} <=> $b->{at} } @all;
}

sub visit {
	my ($name, $port) = @_;
	my $far = $browser->command('far', port => $port, ms => $AWAY_MS);

	$browser->command('open', width => 1000, height => 640, dpr => 1,
		url => "http://localhost:$far/?probe=1");
	ok($browser->until("globalThis.__selkies && __selkies.state === 'live'
		&& document.getElementById('tools')", 20), "$name: the page is live");

	my $first = $browser->eval('return selkiesLiveAt');

	# once more, with all of it in the cache
	my @warm;

	for (1 .. 3) {
		$browser->eval('globalThis.old = 1; setTimeout(() => location.reload(), 0);');
		wait_for { eval { $browser->eval("return !globalThis.old
			&& globalThis.selkiesLiveAt > 0") } } 10;
		push @warm, $browser->eval('return globalThis.selkiesLiveAt') || 0;
	}

	panels($name);
	fall_back($name) if $name eq 'bundle';
	is(join("\n", @{ $browser->command('problems') }), '',
		"$name: no errors, no violations");
	$browser->command('close');

	my @all;

	ok(wait_for(sub {
		@all = requests($name);
		return 4 <= grep { $_->{uri} =~ m!/websockets$! } @all;
	}, 10), "$name: all sockets are through");

	my ($socket) = map { $_->{at} } grep { $_->{uri} =~ m!/websockets$! } @all;

	# what was waited for had to come back first; the icon is the browser's own,
	# for its tab
	my @before = grep { $_->{at} < $socket - 0.9 * $AWAY_MS
		&& $_->{uri} !~ m!/favicon\.ico$! } @all;
	my $bytes = 0;

	$bytes += $_->{bytes} for @before;

	cmp_ok(scalar @before, '<=', $REQUESTS,
		"$name: few requests before the socket")
		or diag(join ' ', map { $_->{uri} } @before);
	cmp_ok(scalar @before, '>=', 4, "$name: and those were seen");
	cmp_ok($bytes, '<=', $BEFORE_BYTES, "$name: few bytes before it");

	is(join(' ', sort { $a cmp $b } map { $_->{uri} }
		grep { $_->{uri} =~ m!(?:\.(?:js|css|html|svg)|/)$!
			&& $_->{bytes} > 200 && $_->{encoding} ne 'gzip' } @all), '',
		"$name: all text goes compressed");

	diag(sprintf '%s: %d requests, %.1f KB before the socket, which opens after '
		. '%d ms; first picture %d ms, from the cache %d ms; %d ms away',
		$name, scalar @before, $bytes / 1024, $socket - $all[0]{at}, $first,
		(sort { $a <=> $b } @warm)[1], $AWAY_MS);
	cmp_ok($first, '<', 5000 * slower(), "$name: a picture");

	return @all;
}

# Every panel that there is: what is loaded for it is there, and runs.

sub panels {
	my ($name) = @_;
	my $tools = "[...document.querySelectorAll('#tools > button:not([hidden])')]";

	for my $text (qw/ Settings Screens Clipboard /) {
		my $button = "$tools.find(one => one.textContent === '$text')";

		ok($browser->until($button, 10), "$name: $text is offered");
		$browser->eval("$button.click()");
		ok($browser->until("document.querySelector('#panel .body > [class]')
			&& !/Loading|could not/.test(document.querySelector(
				'#panel .body').textContent)
			&& document.getElementById('panel-name').textContent === '$text'", 10),
			"$name: $text");
	}

	$x->events();
	$browser->eval("document.getElementById('keys').focus()");
	$browser->command('press', key => 'k');
	ok($x->wait(qr/^key press \d+ 0x6b/, 5), "$name: a key arrives");
}

# What is loaded only where something is missing.

sub fall_back {
	my ($name) = @_;

	$browser->eval("localStorage.setItem('selkies-ladder-1', JSON.stringify({
		agent: navigator.userAgent, at: Date.now(), known: { codecs: 'failed' } }));
		globalThis.old = 1; setTimeout(() => location.reload(), 0);");
	ok(wait_for(sub { eval { $browser->eval("return !globalThis.old
		&& __selkies.state === 'live' && __selkies.stats.sink") } }, 20),
		"$name: pictures in another way");
	like($browser->eval("return __selkies.stats.sink"), qr/media element|mse/i,
		"$name: by a media element");
}

my %seen;

for my $i (0 .. $#order) {
	$seen{$_->{uri}}++ for visit($order[$i], $t->port($i));
}

###############################################################################
# all of it, if somebody opens every part

my ($all, $raw, @parts) = (0, 0);

File::Find::find({ no_chdir => 1, wanted => sub {
	# the page of the folder of files has its own style
	return unless /\.(?:html|css|js)\.gz$/ && !/files\.css/;

	push @parts, $_;
	$all += -s;
	$raw += -s s/\.gz$//r;
} }, $form{bundle});

cmp_ok(scalar @parts, '>', 10, 'the parts of the bundle');
cmp_ok($all, '<=', $ALL_BYTES, 'all of them together are small');
cmp_ok($raw, '<=', $RAW_BYTES, 'also before they are compressed');
diag(sprintf 'the bundle: %d files, %.1f KB, %.1f KB compressed',
	scalar @parts, $raw / 1024, $all / 1024);

my @long;

File::Find::find({ no_chdir => 1, wanted => sub {
	return unless /\.(?:js|mjs|css|html)$/;

	my $lines = () = $t->read_file($_) =~ /\n/g;

	push @long, substr($_, length "$root/web/") . " ($lines)" if $lines > $LINES;
} }, "$root/web");

is("@long", '', "no file is longer than $LINES lines");

$t->done();
