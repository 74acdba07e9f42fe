#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# selkies_watermark_text: whose text it is, where it is in every kind of
# picture, when it changes and when not, whatever a client may call itself.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::Rows;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '640x480', timeout => 120, workers => 2);

###############################################################################
# nginx -t

for my $bad (
	[ 'selkies_watermark_text a middle;', qr/invalid place "middle"/ ],
	[ 'selkies_watermark_text a 7;', qr/invalid place "7"/ ],
	[ 'selkies_watermark_text a interval=500ms;', qr/invalid interval "500ms"/ ],
	[ 'selkies_watermark_text a 1 interval=;', qr/invalid interval ""/ ],
	[ 'selkies_watermark_text a interval=soon 1;', qr/invalid interval "soon"/ ],
	[ 'selkies_watermark_text "";', qr/"selkies_watermark_text" directive has an empty text/ ],
	[ 'selkies_watermark_text $nothing_such;', qr/unknown "nothing_such" variable/ ],
	[ 'selkies_watermark_text;', qr/invalid number of arguments/ ],
	[ 'selkies_watermark_text a; selkies_watermark_text off;', qr/duplicate/ ],
) {
	$t->simple(location => $bad->[0]);
	my ($ok, $words) = $t->test_conf();
	ok(!$ok, "refused: $bad->[0]");
	like($words, $bad->[1], 'and why');
}

$t->write_file('fonts.conf', '<?xml version="1.0"?><fontconfig></fontconfig>');

{
	local $ENV{FONTCONFIG_FILE} = $t->dir() . '/fonts.conf';

	$t->simple(location => 'selkies_watermark_text a;');
	like(($t->test_conf())[1], qr/needs a scalable font: fontconfig knows none/,
		'no font');
	$t->simple(location => 'selkies_watermark_text off;');
	ok(($t->test_conf())[0], 'which "off" does not need');
}

###############################################################################

# Blocks are as wide as their advance, so it is known what is where: in letters
# of 13 pixels at 16,16 the first four cover at least 20,24 to 50,26.

my ($black, $white, $there) = qw/ 000000 ffffff b0b0b0 /;
my ($four, $one) = ("\xe2\x96\x88" x 4, "\xe2\x96\x88");

$t->simple(
	http => "map \$arg_n \$mark { four $four; one $one; default ''; }
		map \$connection_time \$beat { volatile; '~^([1-9])' .; }
		map \$uri \$first { default =\$1; }
		log_format captured 'first\$first';",
	location => 'selkies_watermark_text $mark 1;',
	server => "
		location /none/ { %%SELKIES%% }
		location /user/ { %%SELKIES%%
			selkies_watermark_text '\$remote_user \$remote_addr' top_left; }
		location /agent/ { %%SELKIES%%
			selkies_watermark_text \$http_user_agent top_left; }
		location /time/ { %%SELKIES%%
			selkies_watermark_text '$four \$msec' top_left interval=1s; }
		location ~ ^/captured/(\\w+)/ { %%SELKIES%%
			selkies_prefix /captured/\$1/;
			selkies_watermark_text '$four\$beat\$1' top_left interval=1s;
			access_log %%TESTDIR%%/logs/captured.log captured; }
		location /corner/ { %%SELKIES%% selkies_watermark_text $four; }");

my $x = $t->x_client();

$x->draw(0, 0, 640, 480, $black);
$t->run();

sub shows {
	my ($ws, $px, $py, $colour, $name) = @_;

	return ok($ws->wait_pixel($px, $py, $colour), $name)
		|| diag(join ',', $ws->picture() ? $ws->picture()->rgb($px, $py) : ());
}

my $v = Selkies::WebSocket->viewer($t, path => '/websockets?n=one');

shows($v, 21, 25, $there, 'of who watches, while nobody controls');
shows($v, 45, 25, $black, 'and no more');

my $c = Selkies::WebSocket->controller($t, 640, 480,
	path => '/websockets?n=four');

shows($c, 21, 25, $there, 'it is in the picture');
shows($c, 45, 25, $there, 'up to the last letter');
shows($v, 45, 25, $there, 'a viewer sees it');
shows($c, 10, 25, $black, 'nothing before it');
shows($c, 100, 25, $black, 'nothing behind it');
shows($c, 21, 45, $black, 'nothing below it');

$x->draw(0, 0, 640, 480, $white);
shows($c, 21, 25, 'd3d3d3', 'light grey on white');
shows($c, 17, 25, '7c7c7c', 'in a rim that is seen there');
$x->draw(0, 0, 640, 480, '0000c0');
shows($c, 45, 25, 'b0b0ca', 'half-transparent');

$c->wait_quiet(0.8, 10);
$c->forget();
$c->run_for(1.5);
is(scalar @{ $c->{frames} }, 0, 'at rest nothing is sent');

# another page takes over, from elsewhere

my $other = Selkies::WebSocket->controller($t, 640, 480,
	path => '/websockets?n=one');

shows($v, 45, 25, '0000c0', 'who takes over');
shows($v, 21, 25, 'b0b0ca', 'brings a text');
$c->close();
$c = Selkies::WebSocket->controller($t, 640, 480, path => '/none/websockets');
shows($v, 21, 25, '0000c0', 'or none');
$other->close();
$c->close();
shows($v, 21, 25, 'b0b0ca', 'without a controller it is a viewer\'s again');
$v->close();

###############################################################################
# a name in UTF-8; what a client makes up

$x->draw(0, 0, 640, 480, $black);
$c = Selkies::WebSocket->controller($t, 640, 480, path => '/user/websockets',
	auth => "$four:x");
shows($c, 45, 25, $there, 'the name of a user, in UTF-8');
$c->close();

for my $agent ("\x1b[31m" . "\xff" x 3000, $four x 500, "a\t\x07\x7f\xe2\x80\xae",
	"\xf0\x9f\x98\x80" x 128, '%s%n%s', 'x' x 509 . "\xe2\x96\x88")
{
	$c = Selkies::WebSocket->controller($t, 640, 480,
		path => '/agent/websockets', headers => [ "User-Agent: $agent" ]);
	$x->draw(600, 440, 40, 40, '00c000');
	shows($c, 630, 25, $black, 'no further than the picture');
	shows($c, 620, 460, '00c000', 'and it goes on');
	$x->draw(600, 440, 40, 40, $black);
	shows($c, 620, 460, $black, 'and on');
	$c->close();
}

###############################################################################
# what changes by itself

$c = Selkies::WebSocket->controller($t, 640, 480, path => '/time/websockets');
shows($c, 45, 25, $there, 'a text with the time');
$c->wait_quiet(0.4, 5);
$c->forget();
ok($c->wait_until(sub { @{ $c->{frames} } >= 3 }, 10), 'changes');
is(scalar(grep { $_->{key} } @{ $c->{frames} }), 0, 'without keys');
cmp_ok((sort { $b <=> $a } map { $_->{bytes} } @{ $c->{frames} })[0], '<',
	6000, 'at the cost of a line');
$v = Selkies::WebSocket->viewer($t, path => '/none/websockets');
$c->close();
$v->run_for(1);
$v->wait_quiet(0.6, 5);
$v->forget();
$v->run_for(2);
is(scalar @{ $v->{frames} }, 0, 'and rests when its client has gone');
shows($v, 45, 25, $there, 'where it was');
$v->close();

# what an expression captured later, from the second second on, is nothing to
# the log

$c = Selkies::WebSocket->controller($t, 640, 480,
	path => '/captured/abc/websockets');
$c->run_for(2.5);
$c->close();
ok(wait_for(sub { ($t->read_file('logs/captured.log') // '') =~ /\n/ }, 5),
	'it is logged');
like($t->read_file('logs/captured.log'), qr/^first=abc$/m,
	'captures are those of the location');

###############################################################################
# the other ways of encoding, and another place

for my $o (
	[ 'lite pictures', 'WebSocket' ],
	[ '4:4:4', 'WebSocket', h264_fullcolor => 'true' ],
	[ 'JPEG', 'Rows', encoder => '"jpeg"' ],
	[ 'stripes', 'Rows', encoder => '"x264enc-striped"' ],
) {
	my ($name, $class, %settings) = @$o;

	$c = "Selkies::$class"->new($t, path => '/corner/websockets');
	$c->{auto_ack} = 1;
	$c->send_text('_ext,{"version":"x","want":["lite"]}',
		Selkies::WebSocket::settings(640, 480, %settings));
	$c->wait_rows(480, 10) if $class eq 'Rows';
	shows($c, 45, 455, $there, "$name: it is there from the start");
	$x->draw(0, 400, 640, 80, $white);
	shows($c, 300, 455, $white, "$name: something is drawn");
	shows($c, 17, 455, '7c7c7c', "$name: under it");
	$x->draw(0, 400, 640, 80, $black);
	shows($c, 45, 455, $there, "$name: and again");
	$c->close();
}

$t->done();
