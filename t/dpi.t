#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The DPI a controller asks for is what programs of the desktop see: in the
# resources, and by XSETTINGS where nobody else manages them.  A storm of sizes
# ends in the last one.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::HTTP;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1920x1080', timeout => 120);

$t->simple(http => 'selkies_idle 300ms;', server => '
	location /fixed/ { %%SELKIES%% selkies_scaling_dpi 144;
		selkies_cursor_size 40; }');

my $x = $t->x_client();
my $tool = $t->tool('xsettings');
my $programs = 0;

$x->tell('card');
$t->run();

# What a program finds: name => value.

sub seen {
	local %ENV = (%ENV, $t->x_environment());

	return map { /^(?:resource|setting) (\S+) (\S+)/ ? ($1, $2)
		: /^owner (\d)/ ? (owner => $1) : () } split /\n/, `$tool show`;
}

sub serial {
	local %ENV = (%ENV, $t->x_environment());

	return (`$tool show` =~ /^setting \S+ \S+ (\d+)/m)[0];
}

sub sees {
	my ($name, %want) = @_;
	my %got;

	ok(wait_for(sub {
		%got = seen();
		return !grep { ($got{$_} // '-') ne $want{$_} } keys %want;
	}, 8), $name) or diag(join ', ', map { "$_ $got{$_}" } sort keys %got);
}

# A program of the desktop; a reader of its lines, and of its end.

sub desktop {
	my (@args) = @_;

	pipe my $in, my $hold or die "pipe: $!\n";

	my $n = ++$programs;
	my $log = $t->dir() . "/logs/desktop.$n.log";
	my $pid = $t->spawn(sub {
		close $hold;
		open STDIN, '<&', $in;
		open STDOUT, '>', $log;
		%ENV = (%ENV, $t->x_environment());
		exec $tool, @args, 'stay';
	});

	close $in;

	return { said => sub { $t->read_file("logs/desktop.$n.log") },
		end => sub { close $hold; $t->reap($pid, 5) } };
}

sub settings { Selkies::WebSocket::settings(@_) }

###############################################################################
# a desktop of which nobody wants anything keeps what it has

local %ENV = (%ENV, $t->x_environment());

open my $xrdb, '|-', 'xrdb -load -' or die "xrdb: $!\n";
print $xrdb "Test.kept:\ta,b \\\n  c\n! Xft.dpi: 200\n";
close $xrdb;

my $wm = desktop('wm', 'Openbox');
my $c = Selkies::WebSocket->controller($t, 1280, 720);

$c->round_trip();
sees('96 was what there was', 'Xft.dpi' => '-', owner => 0);

###############################################################################
# a controller's wish

my $since = clock();

$c->send_text('s,144');
sees('s: in the resources', 'Xft.dpi' => 144, 'Xcursor.size' => 48,
	'Test.kept' => 'a,b');
sees('and in XSETTINGS', owner => 1, 'Xft/DPI' => 144 * 1024,
	'Gtk/CursorThemeSize' => 48);
cmp_ok(clock() - $since, '>', 0.5, 'but not before others had the time to');
is(decode_json(($t->http_get('/api/status') =~ /\r\n\r\n(.*)/s)[0])
	->{display}{dpi}, 144, 'api/status says so');

# the same again is nothing

my $watch = desktop();
my $serial = serial();

$c->send_text('s,144', 's,144.4', 's,150', settings(1280, 720,
	scaling_dpi => '"144"'));
$c->round_trip();
$c->run_for(0.3);
is($watch->{said}->(), '', 'the same again writes nothing');
is(serial(), $serial, 'nor tells anybody');

$c->send_text(settings(1280, 720, scaling_dpi => 192));
sees('scaling_dpi of SETTINGS', 'Xft.dpi' => 192, 'Xft/DPI' => 192 * 1024,
	'Xcursor.size' => 64);
like($watch->{said}->(), qr/\A(?:changed\n)\z/, 'one change is one');
$c->send_text('s,0', 's,1e99', 's,x', settings(1280, 720,
	scaling_dpi => '"x"'));
$c->round_trip();
sees('nonsense is the default, of SETTINGS in dialect 1', 'Xft.dpi' => 96,
	'Xft/DPI' => 96 * 1024);

# who may not

my $v = Selkies::WebSocket->viewer($t);

$v->send_text('s,288');
$v->round_trip();
$c->run_for(0.2);
my %now = seen();
is($now{'Xft.dpi'}, 96, 'a viewer changes nothing');
$v->close();

###############################################################################
# the desktop's own manager comes, and goes

my $manager = desktop('manage');

ok(wait_for(sub { $manager->{said}->() =~ /managing/ }, 5),
	'a manager of the desktop takes over');
$c->send_text('s,120');
sees('the resources still follow', 'Xft.dpi' => 120, owner => 1);
%now = seen();
ok(!exists $now{'Xft/DPI'}, 'what it manages is its own');
unlike($manager->{said}->(), qr/lost/, 'and is not taken from it');
$manager->{end}->();
sees('once it has gone, ours is back', owner => 1, 'Xft/DPI' => 120 * 1024);

# of a desktop that has a manager nothing is taken, even if it is not there yet

$c->close();
sees('nobody watches: X is let go, and XSETTINGS', owner => 0);
$wm->{end}->();
$wm = desktop('wm', 'Xfwm4 of a test');

###############################################################################
# the operator's word, in either dialect

$c = Selkies::WebSocket->controller($t, 1280, 720, path => '/fixed/websockets',
	nowait => 1);
sees('the operator decides', 'Xft.dpi' => 144, 'Xcursor.size' => 40);
$c->send_text('s,96');
$c->round_trip();
$c->run_for(0.2);
%now = seen();
is($now{'Xft.dpi'}, 144, 'alone');
$c->close();

my $two = Selkies::WebSocket->new($t, path => '/api/websockets');

$two->{auto_ack} = 1;
$two->send_text('s,240', 'SETTINGS,{"displayId":"primary","scaling_dpi":168,'
	. '"initialClientWidth":1280,"initialClientHeight":720}');
sees('what comes before the claim waits for it', 'Xft.dpi' => 240,
	'Xcursor.size' => 80);
$two->send_text('SETTINGS,{"framerate":30}');
$two->round_trip();
$two->run_for(0.2);
%now = seen();
is($now{'Xft.dpi'}, 240, 'dialect 2: not named is not changed');
$two->send_text('SETTINGS,{"scaling_dpi":"288"}');
sees('dialect 2: scaling_dpi', 'Xft.dpi' => 288);
$two->close();

###############################################################################
# a storm of sizes

$c = Selkies::WebSocket->controller($t, 1280, 720);
$since = clock();
$c->wait_quiet(0.5, 10);

sub status { decode_json(($t->http_get('/api/status') =~ /\r\n\r\n(.*)/s)[0]) }

my $before = status()->{statistics};

for my $n (1 .. 100) {
	$c->send_text(sprintf 'r,%dx%d,primary', 640 + 4 * $n, 480 + 2 * $n);
}

ok($c->wait_frame(key => 1, w => 1040, h => 680, timeout => 10),
	'a hundred sizes: the stream ends in the last one');
is($x->size(), '1040x680', 'so does X');
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }, 10),
	'and shows it whole');
cmp_ok(status()->{statistics}{resizes} - $before->{resizes}, '<=', 10,
	'few of them were carried out');

$c->wait_quiet(0.7, 10);
$before = status()->{statistics};
$c->forget();
$c->send_text(('r,1040x680,primary', 's,96') x 50);
$c->round_trip();
$c->run_for(0.3);
is(scalar(grep { /PIPELINE|stream_resolution/ } @{ $c->{texts} }), 0,
	'the same again restarts nothing');
is(status()->{statistics}{keys}, $before->{keys}, 'and makes no key');
is(status()->{statistics}{resizes}, $before->{resizes}, 'nor a size');

$c->run_for(4 - (clock() - $since));
%now = seen();
is($now{owner}, 0, 'nobody has managed XSETTINGS beside xfwm4');
$_->{end}->() for $wm, $watch;

$t->done();
