#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Every verb of the table with what a hostile client may put behind it, as the
# controller and as one who may only watch, in both dialects: nothing of it is
# run, ends the connection or comes into a log, and a viewer's does nothing.
# Bytes that are no UTF-8 end the connection, as the protocol has it.  What
# whole messages do is in messages.t and where their part is.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;
use MIME::Base64 qw/ encode_base64 /;

use Selkies;
use Selkies::HTTP;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 120);

# the most that may be logged is logged

$ENV{TEST_SELKIES_DEBUG} = 1;

my $location = 'selkies_input_rate 1000000; selkies_max_resolution 1280x720;
	selkies_js_socket_path %%TESTDIR%%/run; selkies_audio_enabled off;
	selkies_files %%TESTDIR%%/files; selkies_clipboard_max_size 64k;';

$t->simple(location => $location, server => "
	location /watch/ { %%SELKIES%% $location selkies_role viewer; }");
mkdir $t->dir() . '/files';

my $x = $t->x_client();

$x->tell('card');
$t->run();

my @workers = $t->workers();

###############################################################################
# what is sent

# part of all contents: where it shows up, something has gone wrong

my $K = 'Zaunkoenig';
my $K64 = encode_base64("$K $K", '');
my $file = $t->dir() . "/$K";

my $source = $t->read_file($t->root()
	. '/ngx_selkies_module/selkies_protocol.c');
my @verbs = $source =~ /^ +\{ "([^" ]+)", /mg;
my $binary = () = $source =~ /^ +\{ (?:"\w+ \w+"|NULL), 0, /mg;

cmp_ok(scalar @verbs, '>', 40, 'the table of verbs is read');
is($binary, 7, 'and that of binary messages');

my @words = ($K, "-$K", "$K,$K", join(',', ($K) x 60), "$K:$K", " $K", "$K ",
	"../$K", "/../../$K", "$file", "; touch $file", "\$(touch $file)",
	"`touch $file`", "|touch $file", "&& touch $file #", "'; touch $file; '",
	"%s%n%x$K", "%0a$K", "<script>$K</script>", "{\"$K\":1}", "[$K]",
	"\"$K\"", $K64, "$K64=$K64", "text/plain,$K64", "$K/$K,$K64", "$K,99,$K64",
	"image/png,99999999999999999999,$K", 'A' x 4096 . $K, "$K " x 5000);

my @numbers = map { ($_, "$_,$_", "$_,$_,$_,$_", "${_}x$_,primary", "0,$_",
	"$_,$K", "$K,$_") } 0, -1, -2147483648, -2147483649, 2147483647, 4294967295,
	4294967296, '-9223372036854775809', '9' x 30, '9' x 3000, '1e308', '-1e308',
	'1e-320', 'NaN', 'Infinity', '0x41', '+1', '1.5', '٣', '１';

# control characters, and such as turn text around or end a line somewhere

my @controls = map { ($_, "$_$K", "$K$_$K", "1,$_") } "\0", "\n", "\r\n",
	"\e[2J\e]0;$K\a", "\x7f", "\b\b\b\b", "\xc2\x85", "\xe2\x80\xa8",
	"\xe2\x80\xae", "\xef\xbb\xbf", "\xf0\x9f\x98\x80",
	"\n2026/01/01 00:00:00 [alert] 1#1: $K";

my @json = map { "{$_}" } "\"displayId\":\"$K\"", '"displayId":"' . 'a' x 300
	. '"', "\"displayId\":{\"a\":[\"$K\"]}", '"displayId":"\\u0000"',
	'"displayId":"\\ud800"', "\"displayId\":\"../$K\"",
	"\"displayPosition\":\"$K\"", "\"keyboardLayout\":\"$K;touch $file\"",
	"\"keyboardLayout\":[\"$K\"]", "\"encoder\":\"$K\"", '"framerate":1e999',
	'"framerate":-1e308', "\"framerate\":\"$K\"", '"framerate":{}',
	'"h264_crf":-99999999999999999999', '"manual_width":-1,"manual_height":'
	. '99999999999,"is_manual_resolution_mode":"true"',
	'"initialClientWidth":-5,"initialClientHeight":1e30', '"scaling_dpi":1e18',
	"\"want\":[\"$K\",1,null,{}],\"version\":\"$K\",\"resume\":\"$K\"",
	'"version":' . '[' x 500 . ']' x 500, '"version":"' . 'v' x 5000 . '"',
	join(',', map { "\"$K$_\":$_" } 1 .. 3000), "\"a\":1,\"a\":\"$K\"", '"a":',
	"\"a\":\"$K", "\"\\u0000$K\":1", "\"a\":tru$K";

my @arguments = (@words, @numbers, @controls, @json);

# behind every verb: its own delimiter, the other ones, and none

sub messages {
	my ($verb) = @_;

	return $verb, (map { "$verb$_" } ',', ':', ' ', '.', "\t", "\0"),
		map { my $argument = $_; map { "$verb$_$argument" }
			$verb =~ /^FILE/ ? ':' : $verb =~ /ACK/ ? ' ' : ',' } @arguments;
}

my @odd = ((map { my $word = $_; map { "$word$_$K" } ',', ' ', ':', "\n" } 'KD',
	'Settings', 'cmdx', 'kd2', '_extra', 'SETTINGS_', 'eval', 'GET', 'r2'),
	map { $_ . $K } ',', ':', ' ', "\0", "\n", '{', '"', '\\', '%', '/',
	"\xe2\x80\xae");

my @blobs = map { my $first = chr $_; map { $first . $_ } '', $K, "\0" x 300,
	"\xff" x 300, "\x01$K" x 50, "\n[alert] $K" } 0 .. 8, 0x7f, 0xfe, 0xff;

###############################################################################

# What is left of the log: nothing of a client's, no line of its making.

sub clean {
	my ($name) = @_;
	my %bad;

	for my $log (glob $t->dir() . '/logs/*.log') {
		my $n = 0;

		open my $fh, '<', $log or next;
		binmode $fh;

		while (<$fh>) {
			chomp;
			$n++;
			$bad{ (split '/', $log)[-1] . ":$n: " . substr $_, 0, 200 } = 1
				if /$K|\Q$K64\E/ || /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]/
				|| /^2026\/01\/01 00:00:00/;
			last if %bad > 5;
		}
	}

	is(join("\n", sort keys %bad), '', "$name: nothing of it in a log");
}

# All that is not allowed to change by what a viewer says.

sub state_of {
	my $d = decode_json(($t->http_get('/api/status')
		=~ /\r\n\r\n(.*)/s)[0])->{display};

	return join ' ', $x->size(), $x->pointer(), 'keys', $x->keys(),
		map { "$_=$d->{$_}" } qw/ width height encoder framerate dpi
			controlled /;
}

sub send_all {
	my ($name, $ws, $sent, @list) = @_;

	while (my @some = splice @list, 0, 40) {
		$ws->send_text(@some);
		$$sent += @some;

		next if $ws->round_trip(10);

		fail("$name: the connection stays") or diag(sprintf 'one of: %s',
			join ' | ', map { substr(s/[^ -~]/?/gr, 0, 60) } @some);

		return 0;
	}

	return 1;
}

sub sweep {
	my ($name, $ws, @but) = @_;
	my %but = map { $_ => 1 } @but;
	my $sent = 0;
	my $start = clock();

	for my $verb (grep { !$but{$_} } @verbs) {
		send_all("$name: $verb", $ws, \$sent, messages($verb)) or return;
		$ws->forget();
	}

	send_all("$name: no verb of ours", $ws, \$sent, @odd) or return;

	for my $blob (@blobs) {
		$ws->send_binary($blob);
		$sent++;
	}

	ok($ws->round_trip(10), "$name: nothing ends the connection");
	ok(!(grep { /^KILL/ } @{ $ws->{log} }), "$name: nor kills it");
	note(sprintf '%s: %d messages in %.1f s', $name, $sent, clock() - $start);
}

for my $dialect (1, 2) {
	my $path = $dialect == 1 ? 'websockets' : 'api/websockets';
	my $name = "dialect $dialect";
	my $c = Selkies::WebSocket->controller($t, 800, 600, path => "/$path");

	$c->{keep} = 0;

	my %who = (
		'one who may only watch' => Selkies::WebSocket->new($t,
			path => "/watch/$path"),
		'one who has claimed nothing' => Selkies::WebSocket->new($t,
			path => "/$path"),
	);

	for my $role (sort keys %who) {
		my $ws = $who{$role};

		$ws->wait_text(qr/server_settings/);
		$c->wait_quiet(0.6, 10);
		$x->events();

		my $before = state_of();

		# SETTINGS of the second would be a claim; gamepads have no owner

		sweep("$name, $role", $ws, $role =~ /claimed/ ? 'SETTINGS' : ());
		is(join(' | ', $x->events()), '', "$name, $role: no X event of it");
		is(state_of(), $before, "$name, $role: nothing has changed");
		ok($c->is_open() && !(grep { /^KILL/ } @{ $c->{texts} }),
			"$name, $role: the controller stays");
		$ws->close();
	}

	sweep("$name, the controller", $c);
	clean($name);

	# it can go on, with what it has

	$c->send_text('kr', 'm,5,5,0,0', 'r,800x600,primary',
		Selkies::WebSocket::settings(800, 600));
	ok(wait_for(sub { $x->size() eq '800x600' }, 5), "$name: a size");
	$c->run_for(0.3);
	$x->events();
	$c->send_text('kd,98', 'ku,98');
	ok($x->wait(qr/^key press \d+ 0x62/, 5), "$name: a key");
	ok(wait_for(sub {
		return !$x->keys() && !(hex(($x->pointer())[2]) & 0x1f00);
	}, 5), "$name: nothing is held");
	$c->close();
}

###############################################################################
# bytes that are no text: 1007, and nothing of what stands before them

my @answers;

for my $verb (@verbs) {
	for my $bytes ("\xff\xfe$K", "$K\xc3", "\xed\xa0\x80$K") {
		my $ws = Selkies::WebSocket->new($t);

		$ws->send_text("$verb,$bytes");

		my $close = $ws->wait_close(5);

		push @answers, "$verb: " . ($close ? $close->{code} : 'none')
			unless $close && $close->{code} == 1007;
		$ws->drop();
	}
}

is(join(', ', @answers), '', 'no UTF-8: 1007, whatever the verb');

###############################################################################

clean('all in all');
ok(!-e $file, 'no command was run');
is(join(' ', grep { !/^(?:files|html|logs|nginx\.conf|run|xauth|xclient)$/ }
	map { (split '/')[-1] } glob $t->dir() . '/*'), '', 'no file was made');
is(join(' ', $t->workers()), "@workers", 'the worker is the same');

$t->done();
